//! "Did you mean": the known word that is nearest to what somebody wrote.

/// Words less alike than this are no suggestion but a guess.
const LIKENESS_MIN: f64 = 0.7;

/// The known word nearest to `word`, if one is near enough.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(&str, f64)> = None;
    for candidate in known {
        let likeness = strsim::jaro_winkler(word, candidate);
        if likeness >= LIKENESS_MIN && best.is_none_or(|(_, so_far)| likeness > so_far) {
            best = Some((candidate, likeness));
        }
    }
    best.map(|(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_put_right_and_a_stranger_is_left_alone() {
        let known = ["name", "shards", "retention"];
        assert_eq!(nearest("retension", known), Some("retention"));
        assert_eq!(nearest("shard", known), Some("shards"));
        assert_eq!(nearest("colour", known), None);
    }
}
