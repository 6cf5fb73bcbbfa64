use proptest::prelude::*;
use serde_json::{Map, Value as Tree};

use super::{Member, NotSplit, Text, Value, compact, unescape};

const MANY: usize = usize::MAX;

/// All members.
fn split(text: &[u8], members_max: usize) -> Result<Vec<Member>, NotSplit> {
    let mut members = Vec::new();
    super::split(text, members_max, |member| members.push(member)).map(|()| members)
}

/// What the split says, as text: name and value of each member.
fn fields(text: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let plain = |string: &Text| {
        let raw = &text[string.range.clone()];
        if string.escaped { unescape(raw) } else { raw.to_vec() }
    };
    let field = |member: &Member| {
        let value = match &member.value {
            Value::Text(string) => plain(string),
            Value::Scalar(range) => text[range.clone()].to_vec(),
            Value::Nested { range, spaced: true } => compact(&text[range.clone()]),
            Value::Nested { range, spaced: false } => text[range.clone()].to_vec(),
        };
        (plain(&member.name), value)
    };
    split(text, MANY).ok().map(|members| members.iter().map(field).collect())
}

fn text_fields(text: &str) -> Option<Vec<(String, String)>> {
    let utf8 = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let fields = fields(text.as_bytes())?;
    Some(fields.into_iter().map(|(name, value)| (utf8(name), utf8(value))).collect())
}

fn assert_fields(text: &str, expected: &[(&str, &str)]) {
    let expected: Vec<_> =
        expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    assert_eq!(text_fields(text), Some(expected), "{text}");
}

#[test]
fn values_keep_their_text() {
    assert_fields(
        r#"{"a":1.0,"b":-0,"c":1E+09,"d":12345678901234567890123,"e":true,"f":null,"g":"x"}"#,
        &[
            ("a", "1.0"),
            ("b", "-0"),
            ("c", "1E+09"),
            ("d", "12345678901234567890123"),
            ("e", "true"),
            ("f", "null"),
            ("g", "x"),
        ],
    );
}

#[test]
fn nested_values_lose_their_space_and_nothing_else() {
    assert_fields(
        " { \"a\" : { \"b c\" : [ 1.50 , \"x \\\" y\" ,\t{ } , [ ] ] ,\r\n \"d\" : \"\\\\\" } } \n",
        &[("a", r#"{"b c":[1.50,"x \" y",{},[]],"d":"\\"}"#)],
    );
    assert_fields(r#"{"a":{"k":"\u00e9"},"b":[]}"#, &[("a", r#"{"k":"\u00e9"}"#), ("b", "[]")]);
}

#[test]
fn escapes_are_resolved() {
    assert_fields(
        r#"{"\u0061\n":"\"\\\/\b\f\n\r\t \u00E9 \ud83d\ude00"}"#,
        &[("a\n", "\"\\/\u{8}\u{c}\n\r\t é 😀")],
    );
}

#[test]
fn surrogates_without_a_partner_are_replaced_one_by_one() {
    for (escaped, plain) in [
        (r"\ud83d", "\u{fffd}"),
        (r"\ude00", "\u{fffd}"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83dx", "\u{fffd}x"),
    ] {
        assert_fields(&format!("{{\"a\":\"{escaped}\"}}"), &[("a", plain)]);
    }
}

#[test]
fn bytes_that_are_not_utf8_stay_as_they_are() {
    let fields = fields(b"{\"\xff\":\"caf\xe9\\n\",\"b\":[\"\xfe\"]}").expect("an object");
    assert_eq!(
        fields,
        [(b"\xff".to_vec(), b"caf\xe9\n".to_vec()), (b"b".to_vec(), b"[\"\xfe\"]".to_vec())]
    );
}

#[test]
fn repeated_names_are_all_reported() {
    assert_fields(r#"{"a":1,"b":2,"a":3}"#, &[("a", "1"), ("b", "2"), ("a", "3")]);
    assert_fields(r#"{"":""}"#, &[("", "")]);
    assert_fields("{}", &[]);
    assert_fields(" { } ", &[]);
}

#[test]
fn what_is_no_object_is_not_split() {
    for text in [
        "",
        " ",
        "null",
        "1",
        "\"a\"",
        "[]",
        "[{\"a\":1}]",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1}x",
        "{\"a\":1}{\"b\":2}",
        "{\"a\" 1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":NaN}",
        "{\"a\":True}",
        "{\"a\":nul}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12",
        "{\"a\":\"",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":{\"b\":1]}",
        "{\"a\":[1}",
        "{\"a\":{\"b\"}}",
        "{\"a\":{1:2}}",
        "{\"a\":{\"b\":1,}}",
        "{\"a\":[}",
        "\u{feff}{}",
        "{}\0",
    ] {
        assert_eq!(text_fields(text), None, "{text}");
    }
}

#[test]
fn deep_nesting_takes_no_stack() {
    let depth = 200_000;
    let open = "[{\"a\":".repeat(depth);
    let close = "}]".repeat(depth);
    let text = format!("{{\"deep\":{open}1{close}}}");
    let members = split(text.as_bytes(), MANY).expect("an object");
    assert_eq!(members.len(), 1);
    assert_eq!(split(open.as_bytes(), MANY), Err(NotSplit::NotAnObject));
    let unbalanced = format!("{{\"deep\":{open}1{close}");
    assert_eq!(split(unbalanced.as_bytes(), MANY), Err(NotSplit::NotAnObject));
}

#[test]
fn the_number_of_members_is_limited() {
    let text = br#"{"a":1,"b":[1,2,3],"c":3}"#;
    assert_eq!(split(text, 3).map(|members| members.len()), Ok(3));
    assert_eq!(split(text, 2), Err(NotSplit::TooManyMembers));
    assert_eq!(split(b"{\"a\":1,\"b\":2", 1), Err(NotSplit::NotAnObject));
}

/// JSON values without numbers that a parser may round.
fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        any::<u64>().prop_map(Tree::from),
        any::<f64>().prop_map(Tree::from),
        "\\PC{0,8}|[\"\\\\/\u{0}-\u{1f}😀é]{0,8}".prop_map(Tree::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Tree::from),
            object(inner).prop_map(Tree::from),
        ]
    })
}

fn object(value: impl Strategy<Value = Tree>) -> impl Strategy<Value = Map<String, Tree>> {
    proptest::collection::vec(("[a-c]{0,2}|\\PC{0,3}", value), 0..6)
        .prop_map(|members| members.into_iter().collect())
}

/// What the mapping promises for a value, made from a tree.
fn promised(value: &Tree) -> String {
    match value {
        Tree::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a parser and the split are of one opinion, apart from what is accepted on purpose.
fn agrees(text: &str, parsed: &serde_json::Result<Map<String, Tree>>) -> bool {
    let is_split = split(text.as_bytes(), MANY).is_ok();
    match parsed {
        Ok(_) => is_split,
        Err(error) => {
            let error = error.to_string();
            let lenient = ["out of range", "surrogate", "end of hex escape"];
            !is_split || lenient.iter().any(|reason| error.contains(reason))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_split_agrees_with_a_parser(object in object(tree()), pretty: bool) {
        let text = if pretty {
            serde_json::to_string_pretty(&object).expect("JSON")
        } else {
            serde_json::to_string(&object).expect("JSON")
        };
        let expected: Vec<_> =
            object.iter().map(|(name, value)| (name.clone(), promised(value))).collect();
        prop_assert_eq!(text_fields(&text), Some(expected));
    }

    #[test]
    fn what_a_parser_accepts_is_split_and_nothing_else(
        text in "[{}\\[\\]:, \"\\\\a0-]{0,12}|\\{\"a\":[{}\\[\\]:,\"\\\\ntrue0.eE+-]{0,10}\\}",
    ) {
        let parsed = serde_json::from_str::<Map<String, Tree>>(&text);
        prop_assert!(agrees(&text, &parsed));
    }

    #[test]
    fn a_broken_object_agrees_with_a_parser(
        object in object(tree()),
        at in any::<proptest::sample::Index>(),
        with in "[{}\\[\\]:, \"\\\\a0]?",
    ) {
        let mut text = serde_json::to_string(&object).expect("JSON");
        let at = at.index(text.len());
        prop_assume!(text.is_char_boundary(at) && text.is_char_boundary(at + 1));
        text.replace_range(at..=at, &with);
        let parsed = serde_json::from_str::<Map<String, Tree>>(&text);
        prop_assert!(agrees(&text, &parsed));
    }

    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        drop(fields(&bytes));
        drop(unescape(&bytes));
        drop(compact(&bytes));
    }
}
