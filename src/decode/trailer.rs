//! The trailer that PCAPdroid appends to Ethernet frames: whose packet it is.

use crate::capture::AppTag;

/// The app named by the trailer that ends `beyond`, the bytes of a whole frame after its IP datagram.
///
/// `u32 magic, i32 uid, char name[20], u32 fcs`, all big-endian, after up to three bytes of padding; earlier versions
/// have 16 characters. An unknown user id (-1) names nobody.
#[inline]
pub(super) fn find(beyond: &[u8]) -> Option<AppTag<'_>> {
    if beyond.len() < OLD_LENGTH {
        return None;
    }
    [LENGTH, OLD_LENGTH].iter().find_map(|length| read(beyond.get(beyond.len().checked_sub(*length)?..)?))
}

fn read(trailer: &[u8]) -> Option<AppTag<'_>> {
    let (magic, rest) = trailer.split_first_chunk()?;
    let (uid, rest) = rest.split_first_chunk()?;
    let (name, _fcs) = rest.split_last_chunk::<4>()?;
    let uid = i32::from_be_bytes(*uid);
    (*magic == MAGIC && uid >= 0).then(|| AppTag::Uid { uid, name: text(name) })
}

/// The characters before the first NUL; the last may have been cut through.
pub(super) fn text(field: &[u8]) -> Option<&str> {
    let name = field.split(|byte| *byte == 0).next()?.utf8_chunks().next()?.valid();
    (!name.is_empty()).then_some(name)
}

const MAGIC: [u8; 4] = 0x0107_2021_u32.to_be_bytes();
const LENGTH: usize = 32;
const OLD_LENGTH: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer(uid: i32, name: &[u8], room: usize) -> Vec<u8> {
        let mut bytes = vec![0, 0]; // padding
        bytes.extend(MAGIC);
        bytes.extend(uid.to_be_bytes());
        bytes.extend(name);
        bytes.resize(2 + 8 + room, 0);
        bytes.extend([9; 4]);
        bytes
    }

    #[test]
    fn both_lengths_of_trailer_name_the_app() {
        for room in [20, 16] {
            let bytes = trailer(10_123, b"WhatsApp", room);
            assert_eq!(find(&bytes), Some(AppTag::Uid { uid: 10_123, name: Some("WhatsApp") }));
        }
    }

    #[test]
    fn a_name_cut_through_a_character_keeps_the_whole_ones() {
        let bytes = trailer(1, "ВКонтакте лента".as_bytes().first_chunk::<20>().unwrap(), 20);
        assert_eq!(find(&bytes), Some(AppTag::Uid { uid: 1, name: Some("ВКонтакте ") }));
    }

    #[test]
    fn nobody_is_named_by_other_bytes() {
        assert_eq!(find(&trailer(-1, b"?", 20)), None);
        assert_eq!(find(&[0; 60]), None);
        assert_eq!(find(&trailer(1, b"x", 20)[1..20]), None);
        assert_eq!(find(&trailer(1, b"", 20)), Some(AppTag::Uid { uid: 1, name: None }));
    }
}
