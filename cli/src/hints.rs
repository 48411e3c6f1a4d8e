//! The next step after something went wrong with a CA, a key or a request, with a file or the network.

use std::io::{self, ErrorKind};

use pki::Error;

/// What to do about an error that brought no next step of its own.
pub(crate) fn of_any(error: &anyhow::Error) -> Option<&'static str> {
    let pki = error.chain().find_map(|cause| cause.downcast_ref());
    if let Some(pki) = pki {
        return hint(pki);
    }
    let io = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<io::Error>());
    Some(io.map_or(ANY, |io| of_io(io.kind())))
}

/// Where nothing better is known.
const ANY: &str = "`-v 6` shows what is asked of the cluster, and what it answers";

fn of_io(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "check the path: relative ones begin in the working directory",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "choose a place that is yours, or ask who may read and write there: `ls -ld`"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room: `df -h` shows where",
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable => {
            "check the address, and that something listens there"
        }
        ErrorKind::TimedOut => "check the address and what is between; --timeout waits longer",
        _ => ANY,
    }
}

/// What to do about an error; `None` where its words say it.
fn hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::NoCertificate(_) => "name the file with the CERTIFICATE block",
        Error::NotACa { .. } => {
            "only a CA's certificate can sign: `kubectl mtls inspect FILE` shows what it is"
        }
        Error::Expired(_) => {
            "make a new CA: `kubectl mtls create ca NAME`, or `rotate ca` before the end"
        }
        Error::NoKey | Error::UnreadableKey => {
            "name the file with the PRIVATE KEY block that belongs to the certificate"
        }
        Error::KeyInBundle => {
            "take the PRIVATE KEY block out of the certificate file; gateways would hand it on"
        }
        Error::EncryptedKey => {
            "give its password: --ca-password-file FILE (--password-file for an import)"
        }
        Error::LegacyEncryption => "then name the new file",
        Error::WrongPassword => {
            "the first line of the password file counts, without the line's end"
        }
        Error::EmptyPassword => "choose a password, or leave it out where one can be made",
        Error::KeyMismatch(_) => {
            "certificate and key must be of one pair: compare `kubectl mtls inspect` of both"
        }
        Error::NoServerName(_) => "add --san HOST",
        Error::BadSan(_) => {
            "write a bare host name, address, mailbox or URI, without DNS: or IP: before it"
        }
        Error::BadName(_) => {
            "choose a shorter name without control characters; C takes two letters"
        }
        Error::BadSubject(..) => "write it as CN=alice,O=Acme,OU=Sales",
        Error::BadConstraint(_) => "write example.com, 10.0.0.0/8, or for URIs host.example.com",
        Error::UnwritableSubject(_) => {
            "sign with an intermediate CA of a simpler name: `kubectl mtls create ca NAME --parent-cert F --parent-key F` refuses as well, so make it with the tool that made this CA"
        }
        Error::PathLength { .. } => "make the CA above with a longer path: --path-len 1",
        Error::NoParent(_) => "name it with --parent-cert FILE and --parent-key FILE",
        Error::WeakKey(..) => "make a new CA; keys of less than 2048 bits can be broken",
        Error::Past(_) | Error::BadTime(_) => "choose an end in the future, before the year 10000",
        Error::BadRequest(_) => "make it with `openssl req -new -key KEY -subj /CN=NAME`",
        Error::Constrained { .. } => "leave the name out, or sign with another CA",
        Error::BadCrl(_) => "make it anew: `kubectl mtls revoke --ca [NS/]NAME --refresh`",
        Error::BadP12(_) => "check the password and that the file is PKCS#12",
        Error::BadSeal(_) => {
            "fetch the controller's certificate: `kubeseal --fetch-cert`, or its /v1/cert.pem"
        }
        _ => return None,
    })
}
