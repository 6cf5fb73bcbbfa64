/// A stream of numbers from a seed: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
///
/// Not for keys. It spreads entropy that a caller supplied over the files of the log, and drives
/// the simulated disk.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn from_entropy(entropy: [u8; 32]) -> Self {
        let mut random = Self::from_seed(0);
        for word in entropy.as_chunks::<8>().0 {
            random.state ^= u64::from_le_bytes(*word);
            random.state = random.next();
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_entropy_gives_the_same_numbers_and_each_byte_of_it_counts() {
        let first = Random::from_entropy([7; 32]).next();
        assert_eq!(first, Random::from_entropy([7; 32]).next());
        for index in 0..32 {
            let mut entropy = [7; 32];
            entropy[index] ^= 1;
            assert_ne!(first, Random::from_entropy(entropy).next());
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        let mut random = Random::from_seed(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }
}
