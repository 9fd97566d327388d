//! A few short items in one block of memory, one behind the other.
//!
//! The small form of the collections: no pointer and one or five bytes beside each item, and found
//! by a walk, which for the few items that it is meant for is as quick as a hash. When there are too
//! many, or one is too long, is the collection's to decide.

/// As many elements as are kept in a small form: a walk over them costs some hundred nanoseconds at
/// most. For sorted sets it is Redis's own bound.
pub(super) const MOST: usize = 128;

/// No item in a small form is longer, as in Redis.
pub(super) const LONGEST: usize = 64;

/// A first byte of 255 says that the length follows in four.
const LONG: u8 = u8::MAX;

/// Items in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    len: usize,
}

impl Packed {
    /// How many items.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The bytes of the block, spare room included.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn iter(&self) -> Items<'_> {
        Items { bytes: &self.bytes, at: 0 }
    }

    /// Where the first of every `step`th item that equals `item` begins.
    pub(super) fn find(&self, item: &[u8], step: usize) -> Option<usize> {
        let mut items = self.iter();
        loop {
            let at = items.at;
            if items.next()? == item {
                return Some(at);
            }
            for _ in 1..step {
                items.next();
            }
        }
    }

    /// The items from `at` on, which is where one begins.
    pub(super) fn from(&self, at: usize) -> Items<'_> {
        Items { bytes: &self.bytes, at }
    }

    pub(super) fn push(&mut self, item: &[u8]) {
        // Steps of an eighth: doubling would leave a quarter of all blocks unused.
        let needed = item.len() + 5;
        if self.bytes.capacity() - self.bytes.len() < needed {
            self.bytes.reserve_exact(needed.max(self.bytes.len() / 8));
        }
        let (head, length) = head(item.len());
        self.bytes.extend_from_slice(&head[..length]);
        self.bytes.extend_from_slice(item);
        self.len += 1;
    }

    /// Puts `item` in the place of the one that begins at `at`.
    pub(super) fn replace(&mut self, at: usize, item: &[u8]) {
        let end = self.behind(at, 1);
        let (head, length) = head(item.len());
        self.bytes.splice(at..end, head[..length].iter().chain(item).copied());
    }

    /// Puts `item` in the place of the one behind the one that begins at `at`.
    pub(super) fn replace_second(&mut self, at: usize, item: &[u8]) {
        self.replace(self.behind(at, 1), item);
    }

    /// The items two by two, for collections that keep pairs.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut items = self.iter();
        std::iter::from_fn(move || items.next().zip(items.next()))
    }

    /// Takes away `count` items, from the one that begins at `at` on.
    pub(super) fn remove(&mut self, at: usize, count: usize) {
        let end = self.behind(at, count);
        self.bytes.drain(at..end);
        self.len -= count;
        if self.bytes.capacity() > 4 * self.bytes.len() + 64 {
            self.bytes.shrink_to(2 * self.bytes.len());
        }
    }

    fn behind(&self, at: usize, count: usize) -> usize {
        let mut items = self.from(at);
        for _ in 0..count {
            items.next();
        }
        items.at
    }
}

/// The length before an item, and how many bytes of it count.
fn head(length: usize) -> ([u8; 5], usize) {
    match u8::try_from(length) {
        Ok(short) if short != LONG => ([short, 0, 0, 0, 0], 1),
        // No string is longer than 512 MB.
        _ => {
            let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
            ([LONG, a, b, c, d], 5)
        }
    }
}

/// The items of a [`Packed`], in order.
#[derive(Clone, Debug)]
pub(super) struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let (length, start) = match *rest {
            [LONG, a, b, c, d, ..] => (u32::from_le_bytes([a, b, c, d]) as usize, 5),
            [short, ..] => (usize::from(short), 1),
            [] => return None,
        };
        self.at += start + length;
        rest.get(start..start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::Packed;

    fn items(packed: &Packed) -> Vec<&[u8]> {
        packed.iter().collect()
    }

    #[test]
    fn items_of_every_length_come_back() {
        let lengths = [0, 1, 64, 254, 255, 256, 70_000];
        let all: Vec<Vec<u8>> = lengths.iter().map(|&length| vec![b'x'; length]).collect();
        let mut packed = Packed::default();
        all.iter().for_each(|item| packed.push(item));
        assert_eq!((items(&packed), packed.len()), (all.iter().map(Vec::as_slice).collect(), 7));
        for item in &all {
            let at = packed.find(item, 1).unwrap();
            assert_eq!(packed.from(at).next(), Some(item.as_slice()));
            packed.remove(at, 1);
            assert_eq!(packed.find(item, 1), None);
        }
        assert_eq!((packed.len(), packed.iter().next()), (0, None));
    }

    #[test]
    fn pairs_are_found_by_their_first_and_changed_in_place() {
        let mut packed = Packed::default();
        for item in ["a", "b", "b", "c", "c", "a"] {
            packed.push(item.as_bytes());
        }
        let at = packed.find(b"b", 2).unwrap();
        packed.replace_second(at, &[b'y'; 300]);
        assert_eq!(items(&packed), [b"a", &b"b"[..], b"b", &[b'y'; 300], b"c", b"a"]);
        packed.remove(at, 2);
        assert_eq!(items(&packed), [&b"a"[..], b"b", b"c", b"a"]);
        assert_eq!(packed.find(b"b", 2), None);
    }

    #[test]
    fn the_block_shrinks_with_what_is_in_it() {
        let mut packed = Packed::default();
        (0..128).for_each(|_| packed.push(&[b'x'; 64]));
        assert!(packed.capacity() < 128 * 65 * 5 / 4);
        (0..127).for_each(|_| packed.remove(0, 1));
        assert!(packed.capacity() < 1_000);
    }
}
