//! Addresses to listen on, and whether an upstream address is our own.
//! Names are not resolved here, `localhost` aside. A port alone means loopback: to listen on every
//! address takes an explicit `0.0.0.0` or `[::]`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Why a text is no address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("has no port")]
    Port,
    #[error("names a host; only IP addresses and localhost are listened on")]
    Host,
}

/// Reads `127.0.0.1:6379`, `[::1]:6379`, `localhost:6379`, `:6379` and `6379`. Port 0 lets the
/// system pick one.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, AddressError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse::<u16>().map_err(|_| AddressError::Port)?;
    if host.is_empty() || host.eq_ignore_ascii_case("localhost") {
        return Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    }
    Err(AddressError::Host)
}

/// Whether `resolved`, an address of the upstream, is where we listen ourselves: commands sent to
/// it would come back to us for ever. For use after DNS; the configuration checks what can be seen
/// without.
///
/// When we listen on every address, one of this machine's own, other than loopback, can't be told
/// from another's here: compare the connected socket's two addresses for that.
pub fn is_own_address(listen: &SocketAddr, resolved: &SocketAddr) -> bool {
    let ours = listen.ip().to_canonical();
    let theirs = resolved.ip().to_canonical();
    let is_local = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    // To connect to 0.0.0.0 or [::] is to connect to this machine.
    listen.port() != 0
        && listen.port() == resolved.port()
        && (ours == theirs
            || (ours.is_unspecified() && is_local(theirs))
            || (theirs.is_unspecified() && is_local(ours)))
}

#[cfg(test)]
mod tests {
    use super::{AddressError, is_own_address, parse_address};

    #[test]
    fn every_form_is_read() {
        for (text, expected) in [
            ("127.0.0.1:6379", "127.0.0.1:6379"),
            ("0.0.0.0:6379", "0.0.0.0:6379"),
            ("[::1]:6379", "[::1]:6379"),
            ("[::]:0", "[::]:0"),
            ("localhost:6379", "127.0.0.1:6379"),
            ("LOCALHOST:0", "127.0.0.1:0"),
            (":6379", "127.0.0.1:6379"),
            ("6379", "127.0.0.1:6379"),
        ] {
            assert_eq!(parse_address(text).map(|address| address.to_string()), Ok(expected.into()));
        }
    }

    #[test]
    fn what_cannot_be_listened_on_is_refused() {
        for (text, expected) in [
            ("127.0.0.1", AddressError::Port),
            ("localhost", AddressError::Port),
            ("localhost:", AddressError::Port),
            ("127.0.0.1:65536", AddressError::Port),
            ("", AddressError::Port),
            ("redis.example.com:6379", AddressError::Host),
            ("::1:6379", AddressError::Host),
            ("1.2.3:6379", AddressError::Host),
        ] {
            assert_eq!(parse_address(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn our_own_address_is_known() {
        for (listen, resolved, expected) in [
            ("127.0.0.1:6379", "127.0.0.1:6379", true),
            ("127.0.0.1:6379", "[::ffff:127.0.0.1]:6379", true),
            ("0.0.0.0:6379", "127.0.0.1:6379", true),
            ("0.0.0.0:6379", "127.0.0.2:6379", true),
            ("[::]:6379", "127.0.0.1:6379", true),
            ("[::]:6379", "[::1]:6379", true),
            ("127.0.0.1:6379", "0.0.0.0:6379", true),
            ("10.0.0.5:6379", "10.0.0.5:6379", true),
            ("127.0.0.1:6379", "127.0.0.1:6380", false),
            ("127.0.0.1:6379", "127.0.0.2:6379", false),
            ("127.0.0.1:6379", "10.0.0.5:6379", false),
            ("0.0.0.0:6379", "10.0.0.5:6379", false),
            ("10.0.0.5:6379", "127.0.0.1:6379", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let own = is_own_address(&listen.parse().unwrap(), &resolved.parse().unwrap());
            assert_eq!(own, expected, "{listen} {resolved}");
        }
    }
}
