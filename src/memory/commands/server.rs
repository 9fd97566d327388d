//! The server itself: is it there, what time is it, how is it.

use crate::wire::encode;

use super::super::failure::Failure;
use super::{Call, Command, info};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "ping" => ping,
        "echo" => echo,
        "time" => time,
        "info" => show_info,
        _ => return None,
    })
}

fn ping(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    match call.request.argc() {
        1 => encode::simple(call.out, "PONG"),
        2 => encode::bulk(call.out, call.arg(1)),
        _ => return Err(Failure::Arity("ping")),
    }
    Ok(())
}

fn echo(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    encode::bulk(call.out, call.arg(1));
    Ok(())
}

/// Seconds, and the microseconds beside them; the engine's clock ticks in milliseconds.
fn time(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let millis = call.now.0;
    encode::array_header(call.out, 2);
    encode::bulk(call.out, (millis / 1000).to_string().as_bytes());
    encode::bulk(call.out, (millis % 1000 * 1000).to_string().as_bytes());
    Ok(())
}

fn show_info(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let text = info::report(call.state, call.args_from(1), call.now);
    encode::verbatim(call.out, call.protocol, text.as_bytes());
    Ok(())
}
