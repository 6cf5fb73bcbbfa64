//! Objects of any bytes, made from what their members mean, become fields that say the same.

use logboom_model::{Form, Log, MappingOptions, MappingReport, map};
use logboom_wire::records::{BatchBuilder, Codec, Limits, Scratch, read};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Bytes as they stand in JSON, and what they mean.
type Written = (Vec<u8>, Vec<u8>);

/// More members than are compared pair by pair.
const MEMBERS_MAX: usize = 80;

fn mapped(value: &[u8]) -> (Log, MappingReport) {
    let mut builder = BatchBuilder::new();
    builder.append(0, None, Some(value), &[]).expect("a small record");
    let batch = builder.build(Codec::None);
    let mut scratch = Scratch::default();
    let mut records = read(&batch, &Limits::default(), &mut scratch).expect("a batch");
    let record = records.next().expect("a record").expect("a good record");
    let mut report = MappingReport::default();
    (map(&record, Form::Json, &MappingOptions::default(), 0, &mut report), report)
}

/// Bytes that need no escape, UTF-8 or not, among escapes.
fn string() -> impl Strategy<Value = Written> {
    let plain = any::<u8>()
        .prop_filter("has to be escaped", |byte| !matches!(byte, ..0x20 | b'"' | b'\\'))
        .prop_map(|byte| (vec![byte], vec![byte]));
    let escapes = [
        (r"\n", "\n"),
        (r#"\""#, "\""),
        (r"\\", "\\"),
        (r"\/", "/"),
        (r"\u0061", "a"),
        (r"\ud83d\ude00", "😀"),
        (r"\ude00", "\u{fffd}"),
        ("ü", "ü"),
    ];
    let escape =
        select(escapes.to_vec()).prop_map(|(written, meant)| (written.into(), meant.into()));
    let letter = Just((b"x".to_vec(), b"x".to_vec()));
    vec(prop_oneof![6 => letter, 2 => plain, 1 => escape], 0..30).prop_map(|parts| {
        let (written, meant): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        ([b"\"", &written.concat()[..], b"\""].concat(), meant.concat())
    })
}

/// Mostly one of few names, so that some repeat, also where one of them is escaped.
fn name() -> impl Strategy<Value = Written> {
    let few = [("\"a\"", "a"), (r#""\u0061""#, "a"), ("\"b\"", "b"), ("\"\"", "")];
    let few = select(few.to_vec()).prop_map(|(written, meant)| (written.into(), meant.into()));
    let many = (0..200_u8).prop_map(|it| (format!("\"{it}\"").into(), it.to_string().into()));
    prop_oneof![1 => few, 8 => many, 2 => string()]
}

fn value() -> impl Strategy<Value = Written> {
    let others = [
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("null", "null"),
        ("[ ]", "[]"),
        ("{\"k\" : [1, \" \\\" \"]}", "{\"k\":[1,\" \\\" \"]}"),
    ];
    let others =
        select(others.to_vec()).prop_map(|(written, meant)| (written.into(), meant.into()));
    prop_oneof![2 => string(), 1 => others]
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => select(vec![" ", "\n", "\t\r "])]
}

fn object(members: &[(Written, Written)], space: &str) -> Vec<u8> {
    let member = |((name, _), (value, _)): &(Written, Written)| {
        let space = space.as_bytes();
        [space, &name[..], space, b":", space, &value[..], space].concat()
    };
    let members: Vec<_> = members.iter().map(member).collect();
    [b"{", &members.join(&b',')[..], b"}", space.as_bytes()].concat()
}

/// The last value of each name, at the place of its first.
fn promised(members: &[(Written, Written)]) -> Vec<(&[u8], &[u8])> {
    let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
    for ((_, name), (_, value)) in members {
        match fields.iter_mut().find(|(other, _)| other == name) {
            Some((_, earlier)) => *earlier = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn members_become_fields_that_mean_the_same(
        members in vec((name(), value()), 0..MEMBERS_MAX),
        space in space(),
    ) {
        let (log, report) = mapped(&object(&members, space));
        let fields: Vec<_> =
            log.contents.iter().map(|field| (&field.key[..], &field.value[..])).collect();
        let promised = promised(&members);
        prop_assert_eq!(&fields, &promised);
        let is_utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        let not_utf8 = promised.iter().filter(|(name, value)| !is_utf8(name) || !is_utf8(value));
        let not_utf8 = not_utf8.count() as u64;
        prop_assert_eq!(report, MappingReport { logs: 1, not_utf8, ..MappingReport::default() });
    }

    #[test]
    fn an_object_with_a_control_character_in_a_string_stays_whole(
        members in vec((name(), value()), 0..20),
        before in 0..40_usize,
        control in 0..0x20_u8,
    ) {
        let string = [b"\"", &vec![b'x'; before][..], &[control], b"\""].concat();
        let last = ((b"\"last\"".to_vec(), b"last".to_vec()), (string.clone(), string));
        let text = object(&[&members[..], &[last]].concat(), "");
        let (log, report) = mapped(&text);
        prop_assert_eq!(log.contents.len(), 1);
        prop_assert_eq!((&log.contents[0].key[..], &log.contents[0].value[..]), (&b"content"[..], &text[..]));
        prop_assert_eq!((report.not_objects, report.logs), (1, 1));
    }
}
