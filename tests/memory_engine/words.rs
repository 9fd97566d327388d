//! Commands as text: how scripts write them, and how a failure shows them.

use super::Command;

/// Words, separated by blanks; `~` is an empty argument, `\x` notation gives any byte.
pub(super) fn words(line: &str) -> Command {
    line.split(' ').map(|word| if word == "~" { Vec::new() } else { unescape(word) }).collect()
}

/// The line that [`words`] reads as this command.
pub(super) fn show(command: &[Vec<u8>]) -> String {
    command.iter().map(|word| show_word(word)).collect::<Vec<_>>().join(" ")
}

/// One word of a command.
pub(super) fn name(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn show_word(word: &[u8]) -> String {
    if word.is_empty() {
        return "~".to_owned();
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\' && byte != b'~';
    let show = |byte: &u8| match *byte {
        byte if is_plain(byte) => char::from(byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    };
    word.iter().map(show).collect()
}

fn unescape(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
