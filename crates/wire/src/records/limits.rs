/// How large a batch may be and what it may cost to look into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a batch as it was sent. 32 MiB unless set.
    pub batch_bytes_max: usize,
    /// Bytes of a batch after decompression. 128 MiB unless set.
    pub decompressed_bytes_max: usize,
    /// Bytes of one Snappy block after decompression. 32 MiB unless set.
    ///
    /// Other than what other codecs produce, a Snappy block must be in memory as a whole, and many
    /// clients send a batch as one block.
    pub snappy_block_bytes_max: usize,
    /// The binary logarithm of the largest zstd window, from 10 to 27. 23, which is 8 MiB, unless
    /// set.
    ///
    /// RFC 8878, section 3.1.1.1.2, recommends to support 8 MiB at least. zstd levels up to 19 stay
    /// within it; with higher levels, a batch above this size is refused.
    pub zstd_window_log_max: u32,
    /// Headers of one record. 1,024 unless set.
    pub headers_per_record_max: usize,
}

impl Limits {
    /// What a batch that was accepted under any limits stays within: for reading what is stored,
    /// which must not fail because the configuration became stricter since.
    pub const WIDEST: Self = Self {
        batch_bytes_max: usize::MAX,
        decompressed_bytes_max: usize::MAX,
        snappy_block_bytes_max: usize::MAX,
        zstd_window_log_max: 27,
        headers_per_record_max: usize::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            batch_bytes_max: 32 * MIB,
            decompressed_bytes_max: 128 * MIB,
            snappy_block_bytes_max: 32 * MIB,
            zstd_window_log_max: 23,
            headers_per_record_max: 1024,
        }
    }
}
