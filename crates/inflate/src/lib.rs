//! Inflates a DEFLATE stream (RFC 1951) in one go, with libdeflate.
//!
//! The safe bindings to libdeflate do not tell how much of the input was read, and without that what
//! follows a stream, such as the trailer of a gzip member, cannot be found. So this crate calls the C
//! functions itself. It contains nothing else, so that the crates that use it need no unsafe code.

use std::fmt;
use std::ptr::NonNull;

use libdeflate_sys::{
    libdeflate_alloc_decompressor, libdeflate_decompressor, libdeflate_deflate_decompress_ex,
    libdeflate_free_decompressor, libdeflate_result_LIBDEFLATE_SUCCESS,
};

/// What one [`Inflater`] holds, in bytes: its tables. A little more than libdeflate 1.26 allocates.
pub const INFLATER_BYTES: usize = 12 * 1024;

/// The tables that a stream is decoded with, to be used again and again.
pub struct Inflater {
    tables: NonNull<libdeflate_decompressor>,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inflated {
    /// So many bytes of the input were the stream.
    pub read_bytes: usize,
    /// So many bytes of the output were filled.
    pub written_bytes: usize,
}

// SAFETY: the tables belong to this value alone, and libdeflate keeps nothing for a thread.
unsafe impl Send for Inflater {}

impl Inflater {
    /// Makes the tables. `None` if there is no memory for them.
    #[must_use]
    pub fn new() -> Option<Self> {
        // SAFETY: may be called at any time.
        let tables = NonNull::new(unsafe { libdeflate_alloc_decompressor() })?;
        Some(Self { tables })
    }

    /// Decompresses the stream at the start of `input` into the start of `output`. What follows the
    /// stream in the input is left alone.
    ///
    /// `None` if the stream is damaged or cut off, or if it does not fit. The output may then hold
    /// any bytes.
    pub fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Option<Inflated> {
        let mut inflated = Inflated { read_bytes: 0, written_bytes: 0 };
        // SAFETY: the tables are live and borrowed for this call only; both slices are given with
        // their lengths, of which libdeflate reads and writes no more; both results are written.
        let result = unsafe {
            libdeflate_deflate_decompress_ex(
                self.tables.as_ptr(),
                input.as_ptr().cast(),
                input.len(),
                output.as_mut_ptr().cast(),
                output.len(),
                &raw mut inflated.read_bytes,
                &raw mut inflated.written_bytes,
            )
        };
        (result == libdeflate_result_LIBDEFLATE_SUCCESS).then_some(inflated)
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: they were allocated by libdeflate and are freed once.
        unsafe { libdeflate_free_decompressor(self.tables.as_ptr()) }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Inflater")
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
    use proptest::prelude::*;

    use super::*;

    fn deflate(data: &[u8], level: u32) -> Vec<u8> {
        let mut stream = Vec::with_capacity(data.len() + data.len() / 8 + 64);
        let mut compress = Compress::new(Compression::new(level), false);
        let status = compress.compress_vec(data, &mut stream, FlushCompress::Finish);
        assert_eq!(status.expect("there is room"), Status::StreamEnd);
        stream
    }

    /// What another implementation makes of a stream, if it is whole and fits.
    fn reference(input: &[u8], output: &mut [u8]) -> Option<Inflated> {
        let mut decompress = Decompress::new(false);
        let status = decompress.decompress(input, output, FlushDecompress::Finish).ok()?;
        (status == Status::StreamEnd).then(|| Inflated {
            read_bytes: decompress.total_in() as usize,
            written_bytes: decompress.total_out() as usize,
        })
    }

    fn data() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), any::<u8>()], 0..3_000)
    }

    proptest! {
        #[test]
        fn a_stream_comes_out_as_it_went_in_and_what_follows_is_not_read(
            data in data(),
            level in 0..=9u32,
            trailer in prop::collection::vec(any::<u8>(), 0..20),
            room in 0..10usize,
        ) {
            let stream = deflate(&data, level);
            let mut output = vec![0; data.len() + room];
            let inflated = Inflater::new().unwrap().inflate(&[&stream[..], &trailer].concat(), &mut output);
            let expected = Inflated { read_bytes: stream.len(), written_bytes: data.len() };
            prop_assert_eq!(inflated, Some(expected));
            prop_assert_eq!(&output[..data.len()], &data);
        }

        #[test]
        fn it_takes_what_another_implementation_takes(
            data in data(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in any::<prop::sample::Index>(),
            is_cut: bool,
        ) {
            let mut stream = deflate(&data, 6);
            for (index, bits) in flips {
                let index = index.index(stream.len());
                stream[index] ^= bits;
            }
            if is_cut {
                stream.truncate(cut.index(stream.len()));
            }
            let (mut output, mut expected) = (vec![0; 4_000], vec![0; 4_000]);
            let inflated = Inflater::new().unwrap().inflate(&stream, &mut output);
            prop_assert_eq!(inflated, reference(&stream, &mut expected));
            if let Some(inflated) = inflated {
                prop_assert_eq!(&output[..inflated.written_bytes], &expected[..inflated.written_bytes]);
            }
        }

        #[test]
        fn a_stream_that_does_not_fit_is_refused(data in data(), level in 0..=9u32) {
            prop_assume!(!data.is_empty());
            let mut output = vec![0; data.len() - 1];
            prop_assert_eq!(Inflater::new().unwrap().inflate(&deflate(&data, level), &mut output), None);
        }
    }
}
