//! Templates that lie.

use cryptoki_sys::{
    CK_UNAVAILABLE_INFORMATION, CKA_CLASS, CKA_LABEL, CKA_TOKEN, CKA_WRAP_TEMPLATE, CKO_SECRET_KEY,
};
use strongroom_wire::Answer;

use super::*;

fn entry(kind: CK_ULONG, value: &[u8]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: kind,
        pValue: value.as_ptr().cast_mut().cast(),
        ulValueLen: value.len() as CK_ULONG,
    }
}

fn nested(kind: CK_ULONG, inner: &[CK_ATTRIBUTE]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: kind,
        pValue: inner.as_ptr().cast_mut().cast(),
        ulValueLen: size_of_val(inner) as CK_ULONG,
    }
}

fn template(entries: &[CK_ATTRIBUTE]) -> Template<'_> {
    // SAFETY: the tests' entries point to live memory, or to none, or lie in ways that must be noticed first.
    unsafe { Template::new(entries.as_ptr(), entries.len() as CK_ULONG) }
}

fn code(entries: &[CK_ATTRIBUTE]) -> ReturnCode {
    template(entries).attributes().unwrap_err().code
}

#[test]
fn attributes_are_read_at_any_address() {
    let class = CKO_SECRET_KEY.to_ne_bytes();
    let odd: Vec<u8> = [&[0], class.as_slice()].concat();
    let entries = [entry(CKA_CLASS, &odd[1..]), entry(CKA_TOKEN, &[1]), entry(CKA_LABEL, b"x")];
    let mut room = vec![0u8; 1 + size_of_val(&entries)];
    // SAFETY: the room is one byte larger than what is copied behind its first byte.
    unsafe {
        let source = entries.as_ptr().cast::<u8>();
        std::ptr::copy_nonoverlapping(source, room.as_mut_ptr().wrapping_add(1), size_of_val(&entries));
    }
    // SAFETY: three entries were copied there.
    let misaligned = unsafe { Template::new(room.as_ptr().wrapping_add(1).cast(), 3) };
    let attributes = misaligned.attributes().unwrap();
    assert_eq!(attributes.ulong(AttributeType::CLASS), Some(CKO_SECRET_KEY));
    assert_eq!(attributes.bool(AttributeType::TOKEN), Some(true));
    assert_eq!(attributes.bytes(AttributeType::LABEL), Some(b"x".as_slice()));
}

#[test]
fn lies_are_noticed() {
    let lying = |kind, pointer: *const u8, len| CK_ATTRIBUTE {
        type_: kind,
        pValue: pointer.cast_mut().cast(),
        ulValueLen: len,
    };
    let value = [1u8; 16];
    assert_eq!(code(&[lying(CKA_LABEL, value.as_ptr(), CK_ULONG::MAX)]), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    assert_eq!(code(&[lying(CKA_LABEL, std::ptr::null(), 3)]), ReturnCode::ARGUMENTS_BAD);
    assert_eq!(code(&[entry(CKA_TOKEN, &value[..2])]), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    assert_eq!(code(&[entry(CKA_TOKEN, &[])]), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    assert_eq!(code(&[entry(CKA_CLASS, &value[..4])]), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    assert_eq!(code(&[entry(AttributeType::START_DATE.0, &value[..7])]), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    assert_eq!(
        code(&[entry(AttributeType::ALLOWED_MECHANISMS.0, &value[..9])]),
        ReturnCode::ATTRIBUTE_VALUE_INVALID
    );
    assert_eq!(code(&[entry(CKA_WRAP_TEMPLATE, &value)]), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    assert_eq!(code(&[entry(0x8000_1234, b"x")]), ReturnCode::ATTRIBUTE_TYPE_INVALID);
    assert_eq!(code(&[entry(CKA_TOKEN, &[1]), entry(CKA_TOKEN, &[1])]), ReturnCode::TEMPLATE_INCONSISTENT);
    for count in [1, CK_ULONG::MAX] {
        // SAFETY: a null pointer isn't read.
        let nothing = unsafe { Template::new(std::ptr::null(), count) };
        assert_eq!(nothing.attributes().unwrap_err().code, ReturnCode::ARGUMENTS_BAD);
    }
    // SAFETY: a count that is absurd isn't followed.
    let endless = unsafe { Template::new([entry(CKA_TOKEN, &[1])].as_ptr(), CK_ULONG::MAX) };
    assert_eq!(endless.attributes().unwrap_err().code, ReturnCode::ARGUMENTS_BAD);
}

#[test]
fn templates_nest_only_so_deep() {
    let mut innermost = [entry(CKA_TOKEN, &[1])];
    let mut chain: Vec<Box<[CK_ATTRIBUTE; 1]>> = vec![Box::new(innermost)];
    for depth in 1..=limits::MAX_TEMPLATE_DEPTH + 1 {
        let outer = nested(CKA_WRAP_TEMPLATE, chain.last().unwrap().as_slice());
        chain.push(Box::new([outer]));
        let result = template(chain.last().unwrap().as_slice()).attributes();
        assert_eq!(result.is_ok(), depth <= limits::MAX_TEMPLATE_DEPTH, "{depth}");
    }
    // One that contains itself.
    innermost[0].type_ = CKA_WRAP_TEMPLATE;
    innermost[0].pValue = innermost.as_mut_ptr().cast();
    innermost[0].ulValueLen = ENTRY as CK_ULONG;
    assert_eq!(code(&innermost), ReturnCode::TEMPLATE_INCONSISTENT);
}

#[test]
fn a_search_for_the_unknown_finds_nothing() {
    let class = 0xce53_4353_u64.to_ne_bytes();
    assert_eq!(template(&[entry(CKA_CLASS, &class)]).wanted().unwrap(), None);
    assert_eq!(template(&[entry(0xce53_4363, &class)]).wanted().unwrap(), None);
    assert_eq!(template(&[entry(CKA_TOKEN, &class)]).wanted().unwrap(), None);
    assert_eq!(template(&[entry(CKA_TOKEN, &[1]), entry(CKA_TOKEN, &[0])]).wanted().unwrap(), None);
    assert_eq!(template(&[]).wanted().unwrap(), Some(Attributes::new()));
    let twice = template(&[entry(CKA_TOKEN, &[1]), entry(CKA_TOKEN, &[1])]).wanted().unwrap();
    assert_eq!(twice.map(|wanted| wanted.len()), Some(1));
}

#[test]
fn answers_fill_what_they_can() {
    let (mut label, mut short, mut token) = ([0u8; 8], [0u8; 2], [9u8]);
    let mut entries = [
        entry(CKA_LABEL, &label),
        entry(CKA_LABEL, &short),
        nested(CKA_LABEL, &[]),
        entry(CKA_TOKEN, &token),
        entry(AttributeType::VALUE.0, &[]),
        entry(0x8000_1234, &[]),
    ];
    entries[0].pValue = label.as_mut_ptr().cast();
    entries[1].pValue = short.as_mut_ptr().cast();
    entries[2].pValue = std::ptr::null_mut();
    entries[3].pValue = token.as_mut_ptr().cast();
    // SAFETY: the entries' pointers are null or to arrays of their lengths.
    let query = unsafe { AttributeQuery::new(entries.as_mut_ptr(), 6) };
    assert_eq!(query.types().unwrap()[3], AttributeType::TOKEN);
    assert!(query.asks_for_sizes());
    let answer = |kind| match kind {
        AttributeType::LABEL => Some(Answer::Value(b"name".as_slice().into())),
        AttributeType::TOKEN => Some(Answer::Value(true.into())),
        AttributeType::VALUE => Some(Answer::Sensitive),
        _ => None,
    };
    assert_eq!(query.answer(answer).unwrap_err().code, ReturnCode::ATTRIBUTE_SENSITIVE);
    let lens = entries.map(|entry| entry.ulValueLen);
    assert_eq!(lens, [4, CK_ULONG::MAX, 4, 1, CK_ULONG::MAX, CK_ULONG::MAX]);
    assert_eq!((&label, short, token), (b"name\0\0\0\0", [0; 2], [1]));
}

#[test]
fn nested_answers_come_in_three_steps() {
    let value =
        Attributes::new().with(AttributeType::TOKEN, true).with(AttributeType::LABEL, b"abc".as_slice());
    let answer = |_| Some(Answer::Value(Value::Template(value.clone())));
    let ask = |outer: &mut CK_ATTRIBUTE| {
        // SAFETY: the pointer is null or to two entries, with pointers that are null or to buffers of their lengths.
        unsafe { AttributeQuery::new(outer, 1) }.answer(answer)
    };
    let mut outer = nested(CKA_WRAP_TEMPLATE, &[]);
    outer.pValue = std::ptr::null_mut();
    ask(&mut outer).unwrap();
    assert_eq!(outer.ulValueLen, 2 * ENTRY as CK_ULONG);

    let none = CK_ATTRIBUTE { type_: 0, pValue: std::ptr::null_mut(), ulValueLen: 0 };
    let mut inner = [none; 2];
    outer.pValue = inner.as_mut_ptr().cast();
    ask(&mut outer).unwrap();
    assert_eq!((inner[0].type_, inner[0].ulValueLen), (CKA_TOKEN, 1));
    assert_eq!((inner[1].type_, inner[1].ulValueLen), (CKA_LABEL, 3));

    let (mut token, mut label) = ([0u8], [0u8; 3]);
    inner[0].pValue = token.as_mut_ptr().cast();
    inner[1].pValue = label.as_mut_ptr().cast();
    outer.pValue = inner.as_mut_ptr().cast();
    ask(&mut outer).unwrap();
    assert_eq!((token, &label), ([1], b"abc"));
    outer.ulValueLen = ENTRY as CK_ULONG;
    assert_eq!(ask(&mut outer).unwrap_err().code, ReturnCode::BUFFER_TOO_SMALL);
}

/// Where a template comes out that nobody foresaw, there may be room for bytes: no attributes with pointers.
#[test]
fn nested_templates_are_followed_only_by_who_knows_them() {
    let inner = Attributes::new().with(AttributeType::LABEL, b"abc".as_slice());
    let value = Attributes::new().with(AttributeType::WRAP_TEMPLATE, Value::Template(inner));
    let answer = |_| Some(Answer::Value(Value::Template(value.clone())));
    let ask = |outer: &mut CK_ATTRIBUTE| {
        // SAFETY: the pointer leads to an entry, with a pointer to as many bytes as it says.
        unsafe { AttributeQuery::new(outer, 1) }.answer(answer)
    };
    let room = [0xa5_u8; 2 * ENTRY];
    let mut middle = [entry(CKA_LABEL, &room)];
    let mut outer = nested(CKA_WRAP_TEMPLATE, &middle);
    outer.pValue = middle.as_mut_ptr().cast();
    assert_eq!(ask(&mut outer).unwrap_err().code, ReturnCode::BUFFER_TOO_SMALL);
    assert_eq!((middle[0].type_, middle[0].ulValueLen), (CKA_WRAP_TEMPLATE, CK_UNAVAILABLE_INFORMATION));
    assert_eq!(room, [0xa5; 2 * ENTRY]);

    let mut text = [0_u8; 3];
    let mut label = entry(CKA_LABEL, &[]);
    (label.pValue, label.ulValueLen) = (text.as_mut_ptr().cast(), 3);
    let mut last = [label];
    middle[0] = nested(CKA_WRAP_TEMPLATE, &[]);
    (middle[0].pValue, middle[0].ulValueLen) = (last.as_mut_ptr().cast(), ENTRY as CK_ULONG);
    outer = nested(CKA_WRAP_TEMPLATE, &[]);
    (outer.pValue, outer.ulValueLen) = (middle.as_mut_ptr().cast(), ENTRY as CK_ULONG);
    ask(&mut outer).unwrap();
    assert_eq!(&text, b"abc");
}
