//! The PRFs of IKE (RFC 2409, RFC 7296; PKCS#11 3.2 section 6.64).

use strongroom_model::{Algorithm, Blob, Error, Ike, MechanismSpec, Prf, Result, ReturnCode, limits};

use super::simple::must_keep;
use super::{check_len, leading, no_len, other, prf, wrong_params};
use crate::family::Wanted;
use crate::secret::SecretKey;

pub(super) fn derive(
    spec: &MechanismSpec,
    base: &SecretKey,
    params: &Ike,
    wanted: &Wanted<'_>,
) -> Result<Blob> {
    let key = &base.value;
    match (spec.algorithm, params) {
        (Algorithm::Ike2PrfPlus, Ike::PrfPlus { prf, seed_key, seed }) => {
            prf::check_key(*prf, base)?;
            let first = if seed_key.is_some() { other(wanted, 0)? } else { &[] };
            let len = longest(*prf, wanted.len)?;
            repeated(*prf, key, len, |previous, number| joined(&[previous, first, seed, &[number]]))
        }
        (Algorithm::IkePrf, Ike::Prf { prf, data_as_key, new_key, nonces }) => {
            let out = match (data_as_key, new_key) {
                (true, None) => once(*prf, nonces, &[key])?,
                (true, Some(_)) => {
                    return Err(Error::new(
                        ReturnCode::ARGUMENTS_BAD,
                        "nonces can't be the PRF's key when keys are renewed",
                    ));
                }
                (false, new_key) => {
                    prf::check_key(*prf, base)?;
                    let new = if new_key.is_some() { other(wanted, 0)? } else { &[] };
                    once(*prf, key, &[new, nonces])?
                }
            };
            match wanted.len {
                Some(len) if len != prf.len() => Err(Error::new(
                    ReturnCode::KEY_SIZE_RANGE,
                    format!("this gives {} bytes, not {len}", prf.len()),
                )),
                _ => Ok(out),
            }
        }
        (Algorithm::Ike1Prf, Ike::Ike1Prf { prf, previous, cookies, number, .. }) => {
            prf::check_key(*prf, base)?;
            let (before, gxy) = match previous {
                Some(_) => (other(wanted, 0)?, other(wanted, 1)?),
                None => (&[][..], other(wanted, 0)?),
            };
            leading(once(*prf, key, &[before, gxy, cookies, &[*number]])?, wanted.len)
        }
        (Algorithm::Ike1Extended, Ike::Ike1Extended { prf, gxy, extra }) => {
            prf::check_key(*prf, base)?;
            let len = longest(*prf, wanted.len)?;
            if len <= prf.len() && gxy.is_none() {
                // RFC 2409 appendix B: enough is there already.
                must_keep(len.min(key.len()), key.len())?;
                return leading(key.clone(), Some(len));
            }
            let gxy = if gxy.is_some() { other(wanted, 0)? } else { &[] };
            let alone = gxy.is_empty() && extra.is_empty();
            repeated(*prf, key, len, |previous, number| {
                if alone && number == 1 { Blob::from(&[0][..]) } else { joined(&[previous, gxy, extra]) }
            })
        }
        _ => Err(wrong_params(spec.name)),
    }
}

fn longest(prf: Prf, len: Option<usize>) -> Result<usize> {
    check_len(len.ok_or_else(no_len)?, (255 * prf.len()).min(limits::MAX_SECRET))
}

fn once(prf: Prf, key: &[u8], parts: &[&[u8]]) -> Result<Blob> {
    let mut out = Blob::zeroed(prf.len());
    prf::apply(prf, key, parts, &mut out)?;
    Ok(out)
}

/// Blocks that each depend on the one before and on their number.
fn repeated(prf: Prf, key: &[u8], len: usize, data: impl Fn(&[u8], u8) -> Blob) -> Result<Blob> {
    let mut output = Blob::zeroed(len.next_multiple_of(prf.len()));
    for (number, at) in (1u8..=255).zip((0..len).step_by(prf.len())) {
        let (before, block) = output.split_at_mut(at);
        let previous = &before[at.saturating_sub(prf.len())..];
        prf::apply(prf, key, &[&data(previous, number)], &mut block[..prf.len()])?;
    }
    output.truncate(len);
    Ok(output)
}

fn joined(parts: &[&[u8]]) -> Blob {
    let mut all = Blob::new();
    parts.iter().for_each(|part| all.extend(part));
    all
}
