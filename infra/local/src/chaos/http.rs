//! Messages of HTTP/1.1, whole: as much as the SDKs and the emulator use between them.

use std::io::{BufRead, Error, Result};

pub struct Message {
    /// First line and headers, with the empty line that ends them.
    pub head: String,
    pub body: Vec<u8>,
}

impl Message {
    /// The next one; none when the other side has closed. `bare` is the answer to a HEAD, which says how long it would be.
    pub fn read(from: &mut impl BufRead, bare: bool) -> Result<Option<Self>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head)? == 0 {
                return if head.is_empty() { Ok(None) } else { Err(Error::other("the head broke off")) };
            }
        }
        let mut message = Self { head, body: Vec::new() };
        let empty = bare || ["HTTP/1.1 204", "HTTP/1.1 304"].iter().any(|start| message.head.starts_with(start));
        if empty {
            return Ok(Some(message));
        }
        if message.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            message.body = chunks(from)?;
        } else if let Some(length) = message.header("content-length") {
            message.body = vec![0; length.parse().map_err(Error::other)?];
            from.read_exact(&mut message.body)?;
        }
        Ok(Some(message))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Method or version, path or status.
    pub fn first(&self) -> (&str, &str) {
        let mut words = self.head.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}

/// Chunks as they stand on the wire, the last and empty one included.
fn chunks(from: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(Error::other)?;
        all.extend_from_slice(line.as_bytes());
        let mut chunk = vec![0; usize::try_from(size).map_err(Error::other)?.saturating_add(2)];
        from.read_exact(&mut chunk)?;
        all.extend_from_slice(&chunk);
        if size == 0 {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_end_where_their_head_says() {
        let sent = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 204 \r\n\r\n\
                    HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let mut from = sent.as_bytes();
        let mut next = || Message::read(&mut from, false).unwrap();
        let post = next().unwrap();
        assert_eq!((post.first(), post.body.as_slice()), (("POST", "/"), b"ab".as_slice()));
        assert_eq!(next().unwrap().first(), ("HTTP/1.1", "204"));
        assert_eq!(next().unwrap().body, b"3\r\nabc\r\n0\r\n\r\n");
        assert!(next().is_none());
        assert!(Message::read(&mut "POST / HTTP/1.1\r\n".as_bytes(), false).is_err());
    }
}
