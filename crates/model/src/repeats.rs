/// Where equal names stand in a list.
#[derive(Debug)]
pub(crate) struct Repeats {
    /// For each position, the next one with the same name.
    next: Vec<Option<usize>>,
    /// For each position, whether an earlier one has the same name.
    again: Vec<bool>,
}

impl Repeats {
    /// Takes `n log n` comparisons: the number of names is chosen by a stranger.
    pub(crate) fn of<T: Ord>(names: &[T]) -> Self {
        let mut repeats = Self { next: vec![None; names.len()], again: vec![false; names.len()] };
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
        self.again.iter().enumerate().filter(|(_, again)| !**again).map(|(position, _)| position)
    }

    /// `first` and every later position with the same name.
    pub(crate) fn all(&self, first: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(first), |position| self.next[*position])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equal_names_are_found_in_order(names in proptest::collection::vec(0..9_u8, 0..200)) {
            let repeats = Repeats::of(&names);
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
        let repeats = Repeats::of(&["a", "b", "a", "c", "a", "b"]);
        let groups: Vec<Vec<usize>> =
            repeats.firsts().map(|first| repeats.all(first).collect()).collect();
        assert_eq!(groups, [vec![0, 2, 4], vec![1, 5], vec![3]]);
    }
}
