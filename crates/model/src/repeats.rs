/// Where equal names stand in a list.
#[derive(Debug)]
pub(crate) struct Repeats {
    names: usize,
    /// For each position, the next one with the same name. Empty if no name repeats.
    next: Vec<Option<usize>>,
    /// For each position, whether an earlier one has the same name. Empty if no name repeats.
    again: Vec<bool>,
}

/// Up to so many names are compared with each other, if need be, to see that none repeats.
const PAIRS_NAMES_MAX: usize = 32;

impl Repeats {
    /// Takes `n log n` comparisons: the number of names is chosen by a stranger. Few names of which
    /// none repeats, as usual, take a few comparisons and no memory.
    pub(crate) fn of<T: Ord>(names: &[T], bytes: impl Fn(&T) -> &[u8]) -> Self {
        if names.len() <= PAIRS_NAMES_MAX && all_differ(names, bytes) {
            return Self { names: names.len(), next: Vec::new(), again: Vec::new() };
        }
        let (next, again) = (vec![None; names.len()], vec![false; names.len()]);
        let mut repeats = Self { names: names.len(), next, again };
        let mut by_name: Vec<usize> = (0..names.len()).collect();
        by_name.sort_unstable_by_key(|position| (&names[*position], *position));
        for pair in by_name.windows(2) {
            let (before, position) = (pair[0], pair[1]);
            if names[before] == names[position] {
                repeats.next[before] = Some(position);
                repeats.again[position] = true;
            }
        }
        repeats
    }

    /// The position of the first of each name, in order.
    pub(crate) fn firsts(&self) -> impl Iterator<Item = usize> {
        (0..self.names).filter(|position| self.again.get(*position) != Some(&true))
    }

    /// `first` and every later position with the same name.
    pub(crate) fn all(&self, first: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(first), |position| self.next.get(*position).copied()?)
    }
}

/// Compares only names that have something in common.
fn all_differ<T: Eq>(names: &[T], bytes: impl Fn(&T) -> &[u8]) -> bool {
    let mut seen = 0_u64;
    names.iter().enumerate().all(|(position, name)| {
        let bit = 1 << (signature(bytes(name)) % u64::BITS);
        let is_new = seen & bit == 0 || !names[..position].contains(name);
        seen |= bit;
        is_new
    })
}

/// Equal names have the same, and others mostly another.
fn signature(name: &[u8]) -> u32 {
    let at = |position: usize| name.get(position).copied().unwrap_or_default();
    let ends = [name.len() as u8, at(0), at(name.len() / 2), at(name.len().saturating_sub(1))];
    u32::from_le_bytes(ends).wrapping_mul(0x9e37_79b1) >> 26
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equal_names_are_found_in_order(names in prop_oneof![
            proptest::collection::vec(0..9_u8, 0..200),
            proptest::collection::vec(any::<u8>(), 0..40),
        ]) {
            let repeats = Repeats::of(&names, std::slice::from_ref);
            let firsts: Vec<usize> = repeats.firsts().collect();
            let is_first = |at: &usize| !names[..*at].contains(&names[*at]);
            prop_assert_eq!(&firsts, &(0..names.len()).filter(is_first).collect::<Vec<_>>());
            for first in firsts {
                let equal = (0..names.len()).filter(|at| names[*at] == names[first]);
                prop_assert!(repeats.all(first).eq(equal));
            }
        }
    }

    #[test]
    fn repeats_are_found_in_order() {
        let repeats = Repeats::of(&["a", "b", "a", "c", "a", "b"], |name| name.as_bytes());
        let groups: Vec<Vec<usize>> =
            repeats.firsts().map(|first| repeats.all(first).collect()).collect();
        assert_eq!(groups, [vec![0, 2, 4], vec![1, 5], vec![3]]);
    }
}
