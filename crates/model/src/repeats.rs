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
    pub(crate) fn of<T>(items: &[T], name: impl Fn(&T) -> &[u8]) -> Self {
        let none = Self { names: items.len(), next: Vec::new(), again: Vec::new() };
        if items.len() <= PAIRS_NAMES_MAX && all_differ(items, &name) {
            return none;
        }
        let (next, again) = (vec![None; items.len()], vec![false; items.len()]);
        let mut repeats = Self { names: items.len(), next, again };
        let mut by_name: Vec<usize> = (0..items.len()).collect();
        by_name.sort_unstable_by_key(|position| (name(&items[*position]), *position));
        let mut any = false;
        for pair in by_name.windows(2) {
            let (before, position) = (pair[0], pair[1]);
            if name(&items[before]) == name(&items[position]) {
                repeats.next[before] = Some(position);
                repeats.again[position] = true;
                any = true;
            }
        }
        if any { repeats } else { none }
    }

    /// Whether no name repeats.
    pub(crate) fn is_empty(&self) -> bool {
        self.next.is_empty()
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
fn all_differ<T>(items: &[T], name: impl Fn(&T) -> &[u8]) -> bool {
    let mut seen = 0_u64;
    items.iter().enumerate().all(|(position, item)| {
        let item = name(item);
        let bit = 1 << (signature(item) % u64::BITS);
        let is_new = seen & bit == 0 || items[..position].iter().all(|other| name(other) != item);
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
            prop_assert_eq!(repeats.is_empty(), repeats.firsts().count() == names.len());
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
