//! What the two ends say to each other once they are connected: HTTP/1.1 uploads and downloads of known sizes.

use std::io::{self, BufRead, BufReader, IoSlice, Read, Write};

use anyhow::{Context, Result, ensure};

/// One request and its response, by the sizes of their bodies.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Bytes that the client uploads.
    pub up: usize,
    /// Bytes that it gets back.
    pub down: usize,
}

/// What a client sent and received, headers and bodies, before encryption.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain {
    /// By the client.
    pub sent: u64,
    /// By the client.
    pub received: u64,
}

/// Plays the client's part.
pub fn ask(stream: &mut (impl Read + Write), host: &str, rounds: &[Round]) -> Result<Plain> {
    let mut plain = Plain::default();
    for round in rounds {
        let request = request(host, *round);
        stream.write_all(&request)?;
        stream.flush()?;
        plain.sent += request.len() as u64;
        plain.received += read_message(stream, round.down)?;
    }
    Ok(plain)
}

/// Plays the server's part.
pub fn answer(stream: &mut (impl Read + Write), rounds: &[Round]) -> Result<()> {
    for round in rounds {
        read_message(stream, round.up)?;
        stream.write_all(&response(*round))?;
        stream.flush()?;
    }
    Ok(())
}

/// A request that uploads `round.up` bytes.
pub fn request(host: &str, round: Round) -> Vec<u8> {
    let verb = if round.up == 0 { "GET" } else { "POST" };
    let head = format!("{verb} /v1/exchange HTTP/1.1\r\nHost: {host}\r\nUser-Agent: genuine/0.1\r\n");
    message(&head, round.up)
}

/// A response that brings `round.down` bytes.
pub fn response(round: Round) -> Vec<u8> {
    message("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n", round.down)
}

fn message(head: &str, body: usize) -> Vec<u8> {
    let mut message = format!("{head}Content-Length: {body}\r\n\r\n").into_bytes();
    message.extend((b'a'..=b'z').cycle().take(body));
    message
}

/// Reads one message whose body is `body` bytes. Returns its whole length.
fn read_message(stream: &mut impl Read, body: usize) -> Result<u64> {
    // One byte at a time: what follows the message must stay in the stream.
    let mut reader = BufReader::with_capacity(1, stream);
    let (mut length, mut announced) = (0, None);
    loop {
        let mut line = String::new();
        ensure!(reader.read_line(&mut line)? > 0, "the peer closed before its message ended");
        length += line.len() as u64;
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            announced = Some(value.trim().parse::<usize>().context("a length that is no number")?);
        }
        if line == "\r\n" {
            break;
        }
    }
    ensure!(announced == Some(body), "announced {announced:?} bytes, {body} were agreed");
    io::copy(&mut reader.take(body as u64), &mut io::sink())?;
    Ok(length + body as u64)
}

/// A stream that counts what passes: the TCP payload of one side, as that side sees it.
pub struct Counted<S> {
    inner: S,
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
    /// Bytes written before the first was read: the ClientHello of a TLS client.
    pub first_flight: u64,
}

impl<S> Counted<S> {
    /// Counts from here on.
    pub const fn new(inner: S) -> Self {
        Self { inner, read: 0, written: 0, first_flight: 0 }
    }

    /// The stream itself.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    const fn wrote(&mut self, length: usize) {
        self.written += length as u64;
        if self.read == 0 {
            self.first_flight = self.written;
        }
    }
}

impl<S: Read> Read for Counted<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.read += length as u64;
        Ok(length)
    }
}

impl<S: Write> Write for Counted<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.wrote(length);
        Ok(length)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let length = self.inner.write_vectored(pieces)?;
        self.wrote(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
