//! NIST SP 800-108r1: keys from a key by a PRF (PKCS#11 3.2 section 6.42).

use strongroom_model::{Algorithm, Blob, Error, Kbkdf, KbkdfField, NumberFormat, Result, ReturnCode, limits};

use super::{check_len, no_len, other, prf};
use crate::family::{Derived, Wanted};
use crate::secret::SecretKey;

/// The keys, each cut out of blocks of its own.
pub(super) fn derive(
    mode: Algorithm,
    base: &SecretKey,
    params: &Kbkdf,
    wanted: &Wanted<'_>,
) -> Result<Derived> {
    check_fields(mode, params)?;
    prf::check_key(params.prf, base)?;
    let lens = std::iter::once(wanted.len.ok_or_else(no_len)?).chain(wanted.further.iter().copied());
    let lens = lens.map(|len| check_len(len, limits::MAX_SECRET)).collect::<Result<Vec<_>>>()?;
    let block = params.prf.len();
    let blocks: usize = lens.iter().map(|len| len.div_ceil(block)).sum();
    let data = Data::new(params, wanted, &lens, blocks)?;
    let output = data.iterate(mode, &base.value, blocks)?;
    let mut rest = &output[..];
    let mut keys = Vec::with_capacity(lens.len());
    for len in lens {
        let (mine, others) = rest.split_at(len.next_multiple_of(block));
        keys.push(Blob::from(&mine[..len]));
        rest = others;
    }
    Ok(Derived { keys, written: Blob::new() })
}

/// What a mode has once, and what it doesn't have.
fn check_fields(mode: Algorithm, params: &Kbkdf) -> Result<()> {
    let count = |is: fn(&KbkdfField) -> bool| params.fields.iter().filter(|field| is(field)).count();
    let iterations = count(|field| *field == KbkdfField::Iteration);
    let counters = count(|field| matches!(field, KbkdfField::Counter(_)));
    let lengths = count(|field| matches!(field, KbkdfField::Length { .. }));
    let right = match mode {
        Algorithm::KbkdfCounter => iterations == 0 && counters == 1,
        _ => iterations == 1 && counters <= 1,
    };
    if !right || lengths > 1 {
        return Err(refused(
            "its iteration variable must be there once, a counter and a length at most once",
        ));
    }
    if mode != Algorithm::KbkdfFeedback && !params.iv.is_empty() {
        return Err(refused("only the feedback mode has an initialisation vector"));
    }
    let widths = params.fields.iter().all(|field| match field {
        KbkdfField::Counter(format) => matches!(format.bits, 8 | 16 | 24 | 32),
        KbkdfField::Length { format, .. } => format.bits.is_multiple_of(8) && (8..=64).contains(&format.bits),
        _ => true,
    });
    if widths {
        Ok(())
    } else {
        Err(refused("a counter has 8 to 32 bits and a length 8 to 64, in steps of 8"))
    }
}

/// The data of the PRF: parts that stay, and those that change.
struct Data<'a> {
    params: &'a Kbkdf,
    parts: Vec<Part<'a>>,
}

enum Part<'a> {
    Stays(Blob),
    Secret(&'a [u8]),
    Counter(NumberFormat),
    Iteration,
}

impl<'a> Data<'a> {
    fn new(params: &'a Kbkdf, wanted: &Wanted<'a>, lens: &[usize], blocks: usize) -> Result<Self> {
        let mut keys = 0..;
        let part = |field: &KbkdfField| {
            Ok(match field {
                KbkdfField::Iteration => Part::Iteration,
                KbkdfField::Counter(format) => {
                    encoded(*format, blocks as u64)
                        .ok_or_else(|| too_much("the counter is too narrow for that much key"))?;
                    Part::Counter(*format)
                }
                KbkdfField::Length { of_segments, format } => {
                    let bytes = if *of_segments { blocks * params.prf.len() } else { lens.iter().sum() };
                    let bits = 8 * bytes as u64;
                    Part::Stays(
                        encoded(*format, bits)
                            .ok_or_else(|| too_much("the field for the length is too narrow"))?,
                    )
                }
                KbkdfField::Bytes(bytes) => Part::Stays(bytes.clone()),
                KbkdfField::Key(_) => Part::Secret(other(wanted, keys.next().unwrap_or(usize::MAX))?),
            })
        };
        Ok(Self { params, parts: params.fields.iter().map(part).collect::<Result<_>>()? })
    }

    /// `blocks` blocks of output.
    fn iterate(&self, mode: Algorithm, key: &[u8], blocks: usize) -> Result<Blob> {
        let prf = self.params.prf;
        let mut output = Blob::zeroed(blocks * prf.len());
        let mut variable = match mode {
            Algorithm::KbkdfFeedback => self.params.iv.clone(),
            _ => self.fixed(),
        };
        for (counter, block) in (1u64..).zip(output.chunks_exact_mut(prf.len())) {
            if mode == Algorithm::KbkdfDoublePipeline {
                let mut next = Blob::zeroed(prf.len());
                prf::apply(prf, key, &[&variable], &mut next)?;
                variable = next;
            }
            prf::apply(prf, key, &[&self.with(counter, &variable)], block)?;
            if mode == Algorithm::KbkdfFeedback {
                variable = Blob::from(&*block);
            }
        }
        Ok(output)
    }

    /// All that doesn't change: A(0) of the double pipeline.
    fn fixed(&self) -> Blob {
        let mut data = Blob::new();
        for part in &self.parts {
            match part {
                Part::Stays(bytes) => data.extend(bytes),
                Part::Secret(bytes) => data.extend(bytes),
                Part::Counter(_) | Part::Iteration => {}
            }
        }
        data
    }

    fn with(&self, counter: u64, variable: &[u8]) -> Blob {
        let mut data = Blob::new();
        for part in &self.parts {
            match part {
                Part::Stays(bytes) => data.extend(bytes),
                Part::Secret(bytes) => data.extend(bytes),
                Part::Counter(format) => data.extend(&encoded(*format, counter).unwrap_or_default()),
                Part::Iteration => data.extend(variable),
            }
        }
        data
    }
}

/// A number in its format; `None` if it takes more bits.
fn encoded(format: NumberFormat, number: u64) -> Option<Blob> {
    let width = usize::from(format.bits / 8);
    if format.bits < 64 && number >> format.bits != 0 {
        return None;
    }
    Some(if format.little_endian {
        Blob::from(&number.to_le_bytes()[..width])
    } else {
        Blob::from(&number.to_be_bytes()[8 - width..])
    })
}

fn refused(why: &str) -> Error {
    Error::new(ReturnCode::MECHANISM_PARAM_INVALID, format!("the derivation of SP 800-108: {why}"))
}

fn too_much(why: &str) -> Error {
    Error::new(ReturnCode::KEY_SIZE_RANGE, format!("the derivation of SP 800-108: {why}"))
}
