/// A text in which `*` stands for any number of bytes and `?` for exactly one.
///
/// What it is compared with (actions, resources) consists of ASCII, where a byte is a character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Box<str>);

impl Pattern {
    pub(super) fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Whether the whole of `text` fits.
    ///
    /// Takes at most `pattern × text` steps: when something does not fit, only the last `*` can
    /// help by taking one byte more, because whatever an earlier one could take, the last can too.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        // Where to go on after the last `*`, in the pattern and in the text.
        let mut retry = None;
        while t < text.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    p += 1;
                    retry = Some((p, t));
                }
                Some(&byte) if byte == b'?' || byte == text[t] => {
                    p += 1;
                    t += 1;
                }
                _ => {
                    let Some((after_star, taken)) = retry else { return false };
                    p = after_star;
                    t = taken + 1;
                    retry = Some((p, t));
                }
            }
        }
        pattern[p..].iter().all(|byte| *byte == b'*')
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of wildcards, word for word; exponential.
    pub(in crate::policy) fn fits(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|taken| fits(rest, &text[taken..])),
            Some((b'?', rest)) => !text.is_empty() && fits(rest, &text[1..]),
            Some((byte, rest)) => text.first() == Some(byte) && fits(rest, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn matching_agrees_with_the_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(
                Pattern::new(pattern.as_str()).matches(&text),
                fits(pattern.as_bytes(), text.as_bytes())
            );
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = Pattern::new("a*".repeat(1_000) + "b");
        assert!(!pattern.matches(&"a".repeat(2_000)));
    }

    #[test]
    fn the_whole_text_has_to_fit() {
        assert!(Pattern::new("").matches(""));
        assert!(Pattern::new("**").matches(""));
        assert!(!Pattern::new("?").matches(""));
        assert!(!Pattern::new("log").matches("logs"));
        assert!(!Pattern::new("logs").matches("log"));
        assert!(Pattern::new("log:*Logs").matches("log:PostLogStoreLogs"));
    }
}
