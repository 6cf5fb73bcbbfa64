use std::fmt;
use std::marker::PhantomData;

use super::Reader;
use crate::error::DecodeError;

/// Something an [`Array`] can hold.
pub trait Element<'a>: Sized {
    /// Reads one element of a message of this version.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with its fields.
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError>;
}

/// An array inside a request, still in the bytes it came in.
///
/// Decoding walks it once, so what is wrong with an element is known before anybody sees the array;
/// each iteration then reads the elements again, which costs less than keeping them somewhere.
#[derive(Clone, Copy)]
pub struct Array<'a, T> {
    elements: Reader<'a>,
    version: i16,
    count: usize,
    element: PhantomData<T>,
}

impl<'a, T: Element<'a>> Array<'a, T> {
    /// Reads an array that may be null.
    ///
    /// # Errors
    ///
    /// Those of the count and of the elements.
    pub fn decode_nullable(
        reader: &mut Reader<'a>,
        version: i16,
    ) -> Result<Option<Self>, DecodeError> {
        let count = reader.array_count()?;
        count.map(|count| Self::decode_counted(reader, version, count)).transpose()
    }

    /// Reads an array.
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnexpectedNull`], or those of the count and of the elements.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        Self::decode_nullable(reader, version)?.ok_or(DecodeError::UnexpectedNull)
    }

    /// Reads the count of an array that was decoded from the same bytes before, and leaves the elements
    /// to whoever iterates over them. Nothing behind the array can be read then.
    ///
    /// # Errors
    ///
    /// Those of the count, which there were not then.
    pub fn decode_again(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let count = reader.array_count()?.ok_or(DecodeError::UnexpectedNull)?;
        Ok(Self { elements: *reader, version, count, element: PhantomData })
    }

    /// Reads `count` elements without a count in front of them.
    ///
    /// # Errors
    ///
    /// Those of the elements.
    pub fn decode_counted(
        reader: &mut Reader<'a>,
        version: i16,
        count: usize,
    ) -> Result<Self, DecodeError> {
        let elements = *reader;
        for _ in 0..count {
            T::decode(reader, version)?;
        }
        Ok(Self { elements, version, count, element: PhantomData })
    }

    /// The elements, in the order of the wire.
    #[must_use]
    pub const fn iter(&self) -> Elements<'a, T> {
        Elements {
            reader: self.elements,
            version: self.version,
            left: self.count,
            element: PhantomData,
        }
    }
}

impl<T> Array<'_, T> {
    /// How many elements there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<T> Default for Array<'_, T> {
    /// No elements.
    fn default() -> Self {
        Self { elements: Reader::new(&[]), version: 0, count: 0, element: PhantomData }
    }
}

impl<'a, T: Element<'a>> IntoIterator for Array<'a, T> {
    type Item = T;
    type IntoIter = Elements<'a, T>;

    fn into_iter(self) -> Elements<'a, T> {
        self.iter()
    }
}

impl<T> fmt::Debug for Array<'_, T> {
    /// Says how many elements there are, not what is in them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Array({} elements)", self.count)
    }
}

/// Iterates over the elements of an [`Array`].
#[derive(Clone)]
pub struct Elements<'a, T> {
    reader: Reader<'a>,
    version: i16,
    left: usize,
    element: PhantomData<T>,
}

impl<'a, T: Element<'a>> Iterator for Elements<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        // Never an error: decoding the array has read these bytes in the same way.
        T::decode(&mut self.reader, self.version).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, T: Element<'a>> ExactSizeIterator for Elements<'a, T> {}

impl<T> fmt::Debug for Elements<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Elements({} left)", self.left)
    }
}
