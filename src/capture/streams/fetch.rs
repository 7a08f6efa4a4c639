//! A capture fetched over HTTP: PCAPdroid's server sends one for as long as it captures (RFC 9112).

use std::io::{self, BufRead, BufReader, Read};

use super::{
    outlet::Unwanted,
    tap::{Line, Tap},
    tcp,
};
use crate::base::text::shown;

/// Longest line of an answer's head, and the most lines.
const MOST_LINE: u64 = 4_096;
const MOST_LINES: usize = 64;

/// Fetches the stream again and again.
pub(super) fn read_from(authority: &str, path: &str, line: &Line) -> Result<(), Unwanted> {
    tcp::connect(authority, line, |mut stream| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: nightaudit/{}\r\nAccept-Encoding: identity\r\n\
             Connection: close\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        tcp::send(&mut stream, request.as_bytes())?;
        body(BufReader::with_capacity(BUFFER, Tap::new(stream, line.clone())))
    })
}

/// The body of the answer that `raw` starts with.
fn body<R: BufRead + Send + 'static>(mut raw: R) -> io::Result<Box<dyn Read + Send>> {
    let status = head_line(&mut raw)?;
    let ok = status.starts_with("HTTP/1.") && status.split(' ').nth(1) == Some("200");
    if !ok {
        return Err(wrong(format!("the server answered {:?}, where 200 is wanted", shown(&status, 80))));
    }
    let (mut chunked, mut length) = (false, None);
    for _ in 0..MOST_LINES {
        let field = head_line(&mut raw)?;
        if field.is_empty() {
            return Ok(match length {
                _ if chunked => Box::new(Chunks { raw, left: 0, first: true, done: false }),
                Some(length) => Box::new(raw.take(length)),
                None => Box::new(raw),
            });
        }
        let Some((name, value)) = field.split_once(':') else { continue };
        match (name.trim().to_ascii_lowercase().as_str(), value.trim()) {
            ("transfer-encoding", coding) => chunked = coding.to_ascii_lowercase().ends_with("chunked"),
            ("content-length", bytes) => length = bytes.parse().ok(),
            _ => {}
        }
    }
    Err(wrong("the server's answer has too long a head".into()))
}

fn head_line(raw: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    raw.take(MOST_LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(wrong("the server's answer ended within its head".into()));
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// A body in chunks: a length in hexadecimal and a line end before each (RFC 9112, section 7.1).
struct Chunks<R> {
    raw: R,
    left: u64,
    first: bool,
    done: bool,
}

impl<R: BufRead> Chunks<R> {
    fn next_chunk(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.first) && !head_line(&mut self.raw)?.is_empty() {
            return Err(wrong("a chunk of the server's answer does not end where it says".into()));
        }
        let line = head_line(&mut self.raw)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        self.left = u64::from_str_radix(digits, 16)
            .map_err(|_| wrong(format!("a chunk of the server's answer is {:?} bytes long", shown(digits, 20))))?;
        self.done = self.left == 0;
        Ok(())
    }
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.done {
            self.next_chunk()?;
        }
        if self.done {
            return Ok(0);
        }
        let n = self.raw.by_ref().take(self.left).read(out)?;
        if n == 0 && !out.is_empty() {
            self.done = true;
        }
        self.left -= n as u64;
        Ok(n)
    }
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const BUFFER: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn answered(answer: &str) -> Result<String, String> {
        let mut text = String::new();
        let raw = Cursor::new(answer.as_bytes().to_vec());
        body(raw).and_then(|mut body| body.read_to_string(&mut text)).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn bodies_of_every_framing_are_read() {
        assert_eq!(answered("HTTP/1.0 200 OK\r\n\r\nabc"), Ok("abc".into()));
        assert_eq!(answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"), Ok("ab".into()));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(answered(chunked), Ok("abc".into()));
        let cut = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nab";
        assert_eq!(answered(cut), Ok("ab".into()));
    }

    #[test]
    fn an_answer_that_is_no_stream_is_refused() {
        let endless = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(100));
        let long = format!("HTTP/1.1 200 {}", "a".repeat(10_000));
        let odd_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab";
        let lying_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n";
        for (answer, part) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", "404"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "where 200 is wanted"),
            ("", "ended within its head"),
            (&endless, "too long a head"),
            (&long, "ended within its head"),
            (odd_chunk, "bytes long"),
            (lying_chunk, "does not end where it says"),
        ] {
            let said = answered(answer).err().unwrap_or_default();
            assert!(said.contains(part), "{answer:.40}: {said}");
        }
    }
}
