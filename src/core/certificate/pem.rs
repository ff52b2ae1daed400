//! From PEM to DER.

use x509_parser::pem::parse_x509_pem;

use super::{MAX_BYTES, MAX_CERTIFICATES, Malformed};

/// The DER of each certificate in a PEM text.
pub(super) fn blocks(pem: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let begins = begins(pem);
    if begins.len() > MAX_CERTIFICATES {
        return Err(Malformed::TooMany);
    }
    if pem.len() > MAX_BYTES {
        return Err(Malformed::TooLarge);
    }
    if begins.is_empty() {
        let nothing = pem.trim_ascii().is_empty();
        return Err(if nothing { Malformed::Empty } else { Malformed::NoCertificate });
    }
    let ends = begins.iter().skip(1).copied().chain([pem.len()]);
    begins.iter().zip(ends).map(|(begin, end)| block(&pem[*begin..end])).collect()
}

/// Where the blocks begin, as far as they are needed. Text around them is allowed (RFC 7468).
fn begins(pem: &[u8]) -> Vec<usize> {
    let mut next = 0;
    let starts = pem.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let start = next;
        next += line.len();
        (start, line)
    });
    let begins = starts.filter(|(_, line)| line.starts_with(BEGIN)).map(|(start, _)| start);
    begins.take(MAX_CERTIFICATES + 1).collect()
}

/// The DER in the block that this text begins with. The label is judged first: nothing of a
/// private key is decoded.
fn block(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let label = lines.next().and_then(|line| label(line, BEGIN)).ok_or(Malformed::BadPem)?;
    match label {
        b"CERTIFICATE" | b"X509 CERTIFICATE" => {}
        b"CERTIFICATE REQUEST" | b"NEW CERTIFICATE REQUEST" => {
            return Err(Malformed::CertificateRequest);
        }
        label if label.ends_with(b"PRIVATE KEY") => return Err(Malformed::PrivateKey),
        _ => return Err(Malformed::OtherBlock),
    }
    let end = lines.find(|line| line.starts_with(END)).ok_or(Malformed::Truncated)?;
    // x509-parser takes any end, and would lose the block that was joined to this one without a
    // line break. OpenSSL, and so mysqld, refuses both.
    if self::label(end, END) != Some(label) {
        return Err(Malformed::BadPem);
    }
    parse_x509_pem(text).map(|(_, pem)| pem.contents).or(Err(Malformed::BadPem))
}

fn label<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let label = line.strip_prefix(start)?.strip_suffix(b"-----")?;
    // A dash inside: the line breaks are lost, and this is the whole block.
    (!label.contains(&b'-')).then_some(label)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
