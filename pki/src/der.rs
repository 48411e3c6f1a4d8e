//! As much of DER (X.690) as rcgen does not write.

/// One element: identifier octet, length, content.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => {
            let bytes = content.len().to_be_bytes();
            let used = bytes.iter().skip_while(|byte| **byte == 0);
            let used: Vec<_> = used.copied().collect();
            out.push(0x80 | u8::try_from(used.len()).unwrap_or(8));
            out.extend(used);
        }
    }
    out.extend(content);
    out
}

/// A SEQUENCE of elements.
pub(crate) fn sequence(elements: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let content: Vec<u8> = elements
        .iter()
        .flat_map(|element| element.as_ref().iter().copied())
        .collect();
    element(0x30, &content)
}

/// One element of some bytes.
pub(crate) struct Element<'a> {
    /// The identifier octet.
    pub(crate) tag: u8,
    /// The whole of it.
    pub(crate) whole: &'a [u8],
    /// What it holds.
    pub(crate) content: &'a [u8],
    /// What follows it.
    pub(crate) rest: &'a [u8],
}

/// The first element of some bytes.
pub(crate) fn split(bytes: &[u8]) -> Option<Element<'_>> {
    let (tag, length) = (*bytes.first()?, usize::from(*bytes.get(1)?));
    let (start, length) = if length < 0x80 {
        (2, length)
    } else {
        let octets = bytes.get(2..2 + (length & 0x7f))?;
        let value = octets.iter().try_fold(0usize, |sum, octet| {
            Some(sum.checked_mul(256)? + usize::from(*octet))
        })?;
        (2 + octets.len(), value)
    };
    let end = start.checked_add(length)?;
    Some(Element {
        tag,
        whole: bytes.get(..end)?,
        content: bytes.get(start..end)?,
        rest: bytes.get(end..)?,
    })
}

/// The elements that stand in a row.
pub(crate) fn elements(mut bytes: &[u8]) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    while let Some(element) = split(bytes) {
        bytes = element.rest;
        found.push(element);
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let written = sequence(&[element(4, &content), element(5, &[])]);
            let read = split(&written).unwrap();
            assert_eq!((read.tag, read.whole), (0x30, &written[..]));
            assert!(read.rest.is_empty());
            let found = elements(read.content);
            assert_eq!(found.len(), 2);
            assert_eq!(found[0].content, content);
        }
    }

    #[test]
    fn what_is_cut_off_is_not_read() {
        assert!(split(&[]).is_none());
        assert!(split(&[0x30, 0x82, 0x01]).is_none());
        assert!(split(&[0x30, 0x05, 1, 2]).is_none());
        assert!(split(&[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]).is_none());
    }
}
