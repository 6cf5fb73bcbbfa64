use std::fmt;

/// Appends primitive types to a buffer.
///
/// Writing cannot fail: a string too long for the wire, which can only come from the server's own
/// configuration, is cut to 32,767 bytes.
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    flexible: bool,
}

impl<'a> Writer<'a> {
    /// A writer of the encoding with lengths of fixed width and without tagged fields.
    #[must_use]
    pub const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, flexible: false }
    }

    /// A writer of the encoding of flexible versions (KIP-482).
    #[must_use]
    pub const fn flexible(out: &'a mut Vec<u8>) -> Self {
        Self { out, flexible: true }
    }

    /// Bytes as they are: a UUID.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// An INT8.
    pub fn i8(&mut self, value: i8) {
        self.raw(&value.to_be_bytes());
    }

    /// An INT16.
    pub fn i16(&mut self, value: i16) {
        self.raw(&value.to_be_bytes());
    }

    /// An INT32.
    pub fn i32(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    /// An INT64.
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// A BOOLEAN.
    pub fn bool(&mut self, value: bool) {
        self.i8(value.into());
    }

    /// An UNSIGNED_VARINT.
    pub fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    /// A STRING that may be null.
    pub fn nullable_string(&mut self, value: Option<&str>) {
        let value = value.map(cut_string);
        let length = value.map(str::len);
        if self.flexible {
            self.compact_length(length);
        } else {
            // The cast is exact: the string was cut to what an INT16 can count.
            self.i16(length.map_or(-1, |length| length as i16));
        }
        self.raw(value.unwrap_or_default().as_bytes());
    }

    /// A STRING.
    pub fn string(&mut self, value: &str) {
        self.nullable_string(Some(value));
    }

    /// BYTES.
    pub fn bytes(&mut self, value: &[u8]) {
        self.i32_length(Some(value.len()));
        self.raw(value);
    }

    /// The count in front of the elements of an ARRAY.
    pub fn array_count(&mut self, count: usize) {
        self.i32_length(Some(count));
    }

    /// An ARRAY, BYTES or RECORDS that is null.
    pub fn null(&mut self) {
        self.i32_length(None);
    }

    /// The end of a structure: a count of no tagged fields in flexible versions, else nothing.
    pub fn no_tagged_fields(&mut self) {
        if self.flexible {
            self.unsigned_varint(0);
        }
    }

    fn i32_length(&mut self, length: Option<usize>) {
        if self.flexible {
            self.compact_length(length);
        } else {
            self.i32(length.map_or(-1, |length| i32::try_from(length).unwrap_or(i32::MAX)));
        }
    }

    /// A compact length is one more than the length, and 0 is null.
    fn compact_length(&mut self, length: Option<usize>) {
        let compact = length.map_or(0, |length| length.min(i32::MAX as usize) as u32 + 1);
        self.unsigned_varint(compact);
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Writer({} bytes)", self.out.len())
    }
}

/// As much of a string as an INT16 can count, cut between two characters.
fn cut_string(value: &str) -> &str {
    let mut end = value.len().min(i16::MAX as usize);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}
