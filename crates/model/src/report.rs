/// What had to be changed or given up while records became logs. Counts add up over calls.
///
/// A record is never refused for any of this: a producer that is told that a batch is bad sends it
/// again for ever, or drops the good records with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MappingReport {
    /// Logs that were made.
    pub logs: u64,
    /// Values written to `X.json` that are no JSON object, and became one field as they are.
    pub not_objects: u64,
    /// JSON objects with more members than the limit, which became one field as they are.
    pub too_many_members: u64,
    /// Timestamps before 1970 or after 2106, for which the append time took the place.
    pub times_replaced: u64,
    /// Names that were cut to the limit.
    pub names_cut: u64,
    /// Names that did not follow the strict rule and were changed.
    pub names_changed: u64,
    /// Values that were cut to the limit.
    pub values_cut: u64,
    /// Fields whose name or value is not UTF-8, kept as they are.
    pub not_utf8: u64,
}

impl MappingReport {
    /// Whether every log is exactly what was sent.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self { logs: self.logs, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_clean_until_something_was_changed() {
        assert!(MappingReport { logs: 7, ..MappingReport::default() }.is_clean());
        assert!(!MappingReport { logs: 7, names_cut: 1, ..MappingReport::default() }.is_clean());
    }
}
