//! Inline requests: a line of words, as a person types them, split by the rules of Redis's `sdssplitargs`.
//! Decides where words end and what quotes and escapes mean; the line is bounded by who calls.
//! A NUL is a byte like any other here, where Redis (C strings) would wait for ever.

use super::super::encode;
use super::ProtocolError;

/// The words of a line, without its end of line.
pub(super) fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, ProtocolError> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = skip_blanks(rest);
        if rest.is_empty() {
            return Ok(words);
        }
        let mut word = Vec::new();
        rest = take_word(rest, &mut word)?;
        words.push(word);
    }
}

/// The words as a multibulk request.
pub(super) fn encode(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::array_header(&mut out, words.len());
    for word in words {
        encode::bulk(&mut out, word);
    }
    out
}

/// C's `isspace`. Between words all of these count; inside a word only some do.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn skip_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| is_blank(**byte)).count();
    line.get(blanks..).unwrap_or_default()
}

/// Takes one word; a quote may open anywhere in it and must close at its end.
fn take_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match *rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok(rest),
            [b'"', ref behind @ ..] => return take_double_quoted(behind, word),
            [b'\'', ref behind @ ..] => return take_single_quoted(behind, word),
            [byte, ref behind @ ..] => {
                word.push(byte);
                rest = behind;
            }
        }
    }
}

fn take_double_quoted<'a>(
    mut rest: &'a [u8],
    word: &mut Vec<u8>,
) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match *rest {
            [b'\\', b'x', high, low, ref behind @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(high) << 4 | hex(low));
                behind
            }
            [b'\\', escaped, ref behind @ ..] => {
                word.push(unescape(escaped));
                behind
            }
            [b'"', ref behind @ ..] => return closed(behind),
            [byte, ref behind @ ..] => {
                word.push(byte);
                behind
            }
            [] => return Err(ProtocolError::UnbalancedQuotes),
        }
    }
}

fn take_single_quoted<'a>(
    mut rest: &'a [u8],
    word: &mut Vec<u8>,
) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match *rest {
            [b'\\', b'\'', ref behind @ ..] => {
                word.push(b'\'');
                behind
            }
            [b'\'', ref behind @ ..] => return closed(behind),
            [byte, ref behind @ ..] => {
                word.push(byte);
                behind
            }
            [] => return Err(ProtocolError::UnbalancedQuotes),
        }
    }
}

/// A closing quote must be the end of its word.
fn closed(behind: &[u8]) -> Result<&[u8], ProtocolError> {
    match behind.first() {
        Some(byte) if !is_blank(*byte) => Err(ProtocolError::UnbalancedQuotes),
        _ => Ok(behind),
    }
}

const fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}
