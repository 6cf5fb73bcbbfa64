//! "Did you mean": the known word that is nearest to what somebody wrote.

/// The known word nearest to `word`, if one is near enough to be what was meant: at most one letter
/// in three is another.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance_max = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
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
        assert_eq!(nearest("frame_size", ["frame_timeout"]), None);
    }
}
