// Answers questions about crates by the semver crate: see ../peers.ts for the lines.
use std::io::{stdin, BufRead};

use semver::{Version, VersionReq};

fn answer(kind: &str, first: &str, second: &str) -> Option<&'static str> {
    let b = Version::parse(second).ok()?;
    if kind == "order" {
        let order = Version::parse(first).ok()?.cmp_precedence(&b);
        return Some(if order.is_lt() { "<" } else if order.is_gt() { ">" } else { "=" });
    }
    Some(if VersionReq::parse(first).ok()?.matches(&b) { "in" } else { "out" })
}

fn main() {
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let fields: Vec<&str> = line.split('\t').collect();
        println!("{}", answer(fields[0], fields[1], fields[2]).unwrap_or("?"));
    }
}
