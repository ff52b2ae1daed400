//! Why there are no facts.

use thiserror::Error;

/// Why something that should be a certificate is not one. A fact, and the cause of a rotation.
///
/// Its sentences hold nothing of the input: that may be a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum Malformed {
    /// The bytes are not a certificate that can be read.
    #[error("it is not an X.509 certificate, or one that cannot be read")]
    BadCertificate,
    /// The body of a PEM block is not base64, or its end does not fit its beginning.
    #[error("a PEM block in it is damaged; look for lost line breaks and characters not of base64")]
    BadPem,
    /// There is a certificate signing request.
    #[error("it holds a certificate signing request, which nobody has signed yet")]
    CertificateRequest,
    /// It ends before it begins.
    #[error("its notAfter lies before its notBefore, so it is never valid; the issuer is at fault")]
    DatesReversed,
    /// There is nothing at all.
    #[error("it is empty")]
    Empty,
    /// There is text, but no PEM block.
    #[error("it holds no PEM block; expected a line -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    /// There is a PEM block of another type.
    #[error("it holds a PEM block that is not a certificate")]
    OtherBlock,
    /// There is a private key.
    #[error("it holds a private key where only certificates belong; treat that key as leaked")]
    PrivateKey,
    /// It is larger than [`MAX_BYTES`](super::MAX_BYTES).
    #[error("it is larger than 64 KiB, and was not read")]
    TooLarge,
    /// It holds more than [`MAX_CERTIFICATES`](super::MAX_CERTIFICATES).
    #[error("it holds more than 10 certificates, and was not read")]
    TooMany,
    /// More bytes follow the certificate.
    #[error("bytes follow the end of a certificate in it")]
    TrailingBytes,
    /// It stops in the middle.
    #[error("it stops in the middle of a certificate; it was cut on its way here")]
    Truncated,
}

impl Malformed {
    /// Each of them once.
    pub const ALL: [Self; 12] = [
        Self::BadCertificate,
        Self::BadPem,
        Self::CertificateRequest,
        Self::DatesReversed,
        Self::Empty,
        Self::NoCertificate,
        Self::OtherBlock,
        Self::PrivateKey,
        Self::TooLarge,
        Self::TooMany,
        Self::TrailingBytes,
        Self::Truncated,
    ];

    /// The one word for it in logs, metrics and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadCertificate => "badCertificate",
            Self::BadPem => "badPem",
            Self::CertificateRequest => "certificateRequest",
            Self::DatesReversed => "datesReversed",
            Self::Empty => "empty",
            Self::NoCertificate => "noCertificate",
            Self::OtherBlock => "otherBlock",
            Self::PrivateKey => "privateKey",
            Self::TooLarge => "tooLarge",
            Self::TooMany => "tooMany",
            Self::TrailingBytes => "trailingBytes",
            Self::Truncated => "truncated",
        }
    }
}
