//! Fields on their way into a log: limits, and the strict rule for names.

use bytes::Bytes;

use crate::options::{FieldNames, MappingOptions};
use crate::proto::Content;
use crate::report::MappingReport;

/// Names that mean something else to those who read logs of this model. The reference document on
/// the data model forbids them as names of fields.
const RESERVED: [&[u8]; 6] = [
    b"__time__",
    b"__source__",
    b"__topic__",
    b"__partition_time__",
    b"_extract_others_",
    b"__extract_others__",
];

/// The fields of one log.
pub(crate) struct Fields<'a> {
    options: &'a MappingOptions,
    report: &'a mut MappingReport,
    contents: Vec<Content>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(options: &'a MappingOptions, report: &'a mut MappingReport) -> Self {
        Self { options, report, contents: Vec::new() }
    }

    pub(crate) fn report(&mut self) -> &mut MappingReport {
        self.report
    }

    /// Adds a field, made to fit.
    pub(crate) fn push(&mut self, name: Bytes, value: Bytes) {
        let mut field = Content { key: name, value };
        self.fit(&mut field);
        self.count_utf8(&field);
        self.contents.push(field);
    }

    /// Adds fields, made to fit. `are_utf8` says that all names and values are known to be UTF-8.
    pub(crate) fn push_all(&mut self, mut fields: Vec<Content>, are_utf8: bool) {
        for field in &mut fields {
            self.fit(field);
            if !are_utf8 {
                self.count_utf8(field);
            }
            // What makes a field fit keeps it UTF-8.
            debug_assert!(!are_utf8 || is_utf8(field));
        }
        if self.contents.is_empty() {
            self.contents = fields;
        } else {
            self.contents.append(&mut fields);
        }
    }

    #[inline]
    fn fit(&mut self, field: &mut Content) {
        if self.options.field_names == FieldNames::Strict {
            self.make_strict(&mut field.key);
        }
        self.report.names_cut += u64::from(cut(&mut field.key, self.options.name_bytes_max));
        self.report.values_cut += u64::from(cut(&mut field.value, self.options.value_bytes_max));
    }

    fn count_utf8(&mut self, field: &Content) {
        self.report.not_utf8 += u64::from(!is_utf8(field));
    }

    pub(crate) fn finish(self) -> Vec<Content> {
        self.report.logs += 1;
        self.contents
    }

    fn make_strict(&mut self, name: &mut Bytes) {
        let strict = strict_name(name);
        if strict != name[..] {
            self.report.names_changed += 1;
            *name = strict.into();
        }
    }
}

fn is_utf8(field: &Content) -> bool {
    let is_utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    is_utf8(&field.key) && is_utf8(&field.value)
}

/// `name` with everything but ASCII letters, digits and `_` replaced by `_`, one for each
/// character, and one in front if it would start with a digit, be empty, or be reserved.
fn strict_name(name: &[u8]) -> Vec<u8> {
    let mut strict = Vec::with_capacity(name.len() + 1);
    for chunk in name.utf8_chunks() {
        let replace = |c: char| if c.is_ascii_alphanumeric() { c as u8 } else { b'_' };
        strict.extend(chunk.valid().chars().map(replace));
        strict.extend((!chunk.invalid().is_empty()).then_some(b'_'));
    }
    let starts_badly = strict.first().is_none_or(u8::is_ascii_digit);
    if starts_badly || RESERVED.contains(&strict.as_slice()) {
        strict.insert(0, b'_');
    }
    strict
}

/// Cuts `bytes` to at most `bytes_max`, not in the middle of a character. Says whether it did.
#[inline]
fn cut(bytes: &mut Bytes, bytes_max: usize) -> bool {
    let is_long = bytes.len() > bytes_max;
    if is_long {
        cut_long(bytes, bytes_max);
    }
    is_long
}

#[cold]
fn cut_long(bytes: &mut Bytes, bytes_max: usize) {
    // A character has at most three bytes behind its first. What has more is not UTF-8, and has no
    // boundaries to respect.
    let is_inside = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let boundary = (bytes_max.saturating_sub(3)..=bytes_max).rfind(|at| !is_inside(at));
    bytes.truncate(boundary.unwrap_or(bytes_max));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut_to(text: impl Into<Bytes>, bytes_max: usize) -> (Bytes, bool) {
        let mut bytes = text.into();
        let was_cut = cut(&mut bytes, bytes_max);
        (bytes, was_cut)
    }

    proptest! {
        #[test]
        fn a_cut_text_is_its_longest_beginning_that_fits(text in "\\PC{0,20}", bytes_max in 0..40_usize) {
            let (bytes, was_cut) = cut_to(text.clone(), bytes_max);
            let longest = (0..=text.len().min(bytes_max)).rfind(|at| text.is_char_boundary(*at));
            prop_assert_eq!(&bytes, &text[..longest.expect("0 is a boundary")]);
            prop_assert_eq!(was_cut, text.len() > bytes_max);
        }

        #[test]
        fn a_strict_name_follows_the_rule(name in proptest::collection::vec(any::<u8>(), 0..12)) {
            let strict = strict_name(&name);
            prop_assert!(strict.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'));
            prop_assert!(!strict.is_empty() && !strict[0].is_ascii_digit());
            prop_assert!(!RESERVED.contains(&&strict[..]));
            prop_assert_eq!(strict_name(&strict), strict);
        }

        #[test]
        fn a_name_that_follows_the_rule_is_kept(name in "[A-Za-z_][A-Za-z0-9_]{0,20}") {
            prop_assume!(!RESERVED.contains(&name.as_bytes()));
            prop_assert_eq!(strict_name(name.as_bytes()), name.as_bytes());
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_cut_at_the_limit() {
        assert_eq!(cut_to(vec![0x80; 10], 8), (vec![0x80; 8].into(), true));
        assert_eq!(cut_to(vec![0xff; 10], 8), (vec![0xff; 8].into(), true));
        assert_eq!(cut_to(vec![0x80; 10], 2), (vec![0x80; 2].into(), true));
    }

    #[test]
    fn names_are_changed_as_little_as_the_rule_allows() {
        for (name, strict) in [
            (&b"@timestamp"[..], &b"_timestamp"[..]),
            (b"host.name", b"host_name"),
            (b"0day", b"_0day"),
            (b"", b"_"),
            ("größe".as_bytes(), b"gr__e"),
            (b"a\xff\xfe", b"a__"),
            (b"__time__", b"___time__"),
            (b"__header__:h", b"__header___h"),
        ] {
            assert_eq!(strict_name(name), strict, "{}", String::from_utf8_lossy(name));
        }
    }
}
