//! The links to open: on this machine, and from others on the local network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// One link for each way to reach `address`, the most convenient first. The token stands in the
/// fragment, which browsers send to no server.
pub(crate) fn links(address: SocketAddr, public_url: Option<String>, token: &str) -> Vec<String> {
    let port = address.port();
    let origins = public_url.into_iter().chain(
        hosts(address.ip(), local_addresses())
            .into_iter()
            .map(|host| format!("http://{host}:{port}")),
    );
    origins
        .map(|origin| format!("{origin}/#token={token}"))
        .collect()
}

fn hosts(bind: IpAddr, local: Vec<IpAddr>) -> Vec<String> {
    if bind.is_unspecified() {
        let others = local
            .into_iter()
            .filter(|address| is_for_links(bind, *address));
        std::iter::once("localhost".to_owned())
            .chain(others.map(|address| address.to_string()))
            .collect()
    } else if bind == Ipv4Addr::LOCALHOST {
        vec!["localhost".to_owned()]
    } else {
        vec![
            SocketAddr::new(bind, 0)
                .to_string()
                .trim_end_matches(":0")
                .to_owned(),
        ]
    }
}

/// IPv4 only: an address that people can type.
fn is_for_links(bind: IpAddr, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && bind.is_unspecified(),
        IpAddr::V6(_) => false,
    }
}

fn local_addresses() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(if_addrs::Interface::ip).collect(),
        Err(error) => {
            tracing::warn!(%error, "this machine's addresses cannot be listed");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts_of(bind: &str) -> Vec<String> {
        let local = ["127.0.0.1", "192.168.1.7", "169.254.0.3", "::1", "fe80::1"];
        let local = local
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        hosts(bind.parse().unwrap(), local)
    }

    #[test]
    fn everything_listens_on_all_addresses_that_people_can_use() {
        assert_eq!(hosts_of("0.0.0.0"), ["localhost", "192.168.1.7"]);
        assert_eq!(hosts_of("::"), ["localhost", "192.168.1.7"]);
    }

    #[test]
    fn one_address_is_one_link() {
        assert_eq!(hosts_of("127.0.0.1"), ["localhost"]);
        assert_eq!(hosts_of("192.168.1.7"), ["192.168.1.7"]);
        assert_eq!(hosts_of("fd00::7"), ["[fd00::7]"]);
    }

    #[test]
    fn the_public_address_comes_first() {
        let address = "127.0.0.1:3000".parse().unwrap();
        let links = links(address, Some("https://video.example".to_owned()), "secret");
        assert_eq!(
            links,
            [
                "https://video.example/#token=secret",
                "http://localhost:3000/#token=secret"
            ]
        );
    }
}
