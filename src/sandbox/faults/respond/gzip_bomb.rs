//! A small gzip body that unpacks to a very large one (RFC 1951, RFC 1952).
//!
//! The page comes first, uncompressed, then a huge number of spaces. The unpacked text is still a valid
//! page. So a client that unpacks all of it finds nothing wrong except the size.

/// The longest match of the format: one code repeats this many bytes.
const MATCH: u64 = 258;

/// The gzip of `page` followed by spaces, `size` bytes in all when unpacked.
pub(super) fn pack(page: &[u8], size: u64) -> Vec<u8> {
    let spaces = size.saturating_sub(page.len() as u64).max(1);
    // After the first space, only matches of the full length follow.
    let repeats = (spaces - 1) / MATCH;
    let unpacked = page.len() as u64 + 1 + repeats * MATCH;
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for chunk in page.chunks(0xffff) {
        let length = chunk.len() as u16;
        packed.push(0);
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(chunk);
    }
    packed.extend(fixed_block(repeats));
    packed.extend(checksum(page, 1 + repeats * MATCH).to_le_bytes());
    packed.extend((unpacked as u32).to_le_bytes());
    packed
}

/// The last block, with fixed codes: one space, matches at distance one, the end.
fn fixed_block(repeats: u64) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b1, 1);
    // Block type 01, least significant bit first.
    bits.push(0b10, 2);
    bits.push(0x30 + u32::from(b' '), 8);
    for _ in 0..repeats {
        // Length 258 is symbol 285: code 11000101. Distance 1 is symbol 0: code 00000.
        bits.push(0b1100_0101, 8);
        bits.push(0, 5);
    }
    bits.push(0, 7);
    bits.finish()
}

/// Collects bits: a code's most significant bit comes first, a byte fills up from the least significant
/// one.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    current: u8,
    used: u32,
}

impl Bits {
    fn push(&mut self, code: u32, width: u32) {
        for place in (0..width).rev() {
            self.current |= (((code >> place) & 1) as u8) << self.used;
            self.used += 1;
            if self.used == 8 {
                self.bytes.push(self.current);
                (self.current, self.used) = (0, 0);
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.bytes.push(self.current);
        }
        self.bytes
    }
}

/// The CRC-32 of the page followed by this many spaces.
///
/// One more space changes the register by an affine function. So a billion spaces take thirty squarings
/// instead of a billion steps.
fn checksum(page: &[u8], mut spaces: u64) -> u32 {
    let mut register = page.iter().fold(u32::MAX, |register, byte| step(register, *byte));
    let mut power = Affine::of(|register| step(register, b' '));
    while spaces > 0 {
        if spaces & 1 == 1 {
            register = power.apply(register);
        }
        power = Affine::of(|register| power.apply(power.apply(register)));
        spaces >>= 1;
    }
    !register
}

fn step(register: u32, byte: u8) -> u32 {
    (0..8).fold(register ^ u32::from(byte), |value, _| {
        if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 }
    })
}

/// An affine function on registers: a linear function plus a constant.
struct Affine {
    constant: u32,
    columns: [u32; 32],
}

impl Affine {
    fn of(function: impl Fn(u32) -> u32) -> Affine {
        let constant = function(0);
        Affine { constant, columns: std::array::from_fn(|bit| function(1 << bit) ^ constant) }
    }

    fn apply(&self, register: u32) -> u32 {
        let set = (0..32).filter(|bit| (register >> bit) & 1 == 1);
        set.fold(self.constant, |value, bit| value ^ self.columns[bit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        // The check value of CRC-32/ISO-HDLC is that of "123456789". The checksum with many spaces is
        // compared with that of as many steps.
        let direct = |text: &[u8]| !text.iter().fold(u32::MAX, |r, b| step(r, *b));
        assert_eq!(direct(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(b"123456789", 1000), {
            let mut text = b"123456789".to_vec();
            text.resize(1009, b' ');
            direct(&text)
        });
    }

    #[test]
    fn a_gigabyte_fits_into_some_megabytes() {
        let packed = pack(b"{}", 1 << 30);
        assert!(packed.len() < 8 << 20);
    }
}
