//! AAC in MP4: the `esds` box (ISO/IEC 14496-14 §5.6, 14496-1 §7.2.6).

use super::Fields;

/// RFC 6381 name of what an `esds` box describes: `mp4a.40.2`.
pub(crate) fn codec(content: &[u8]) -> Result<String, String> {
    let mut esds = Fields::new("the esds", content);
    esds.version_and_flags()?;
    let mut stream = Fields::new("the ES descriptor", descriptor(&mut esds, 0x03)?);
    stream.take(2)?; // ES_ID
    if stream.u8()? & 0xe0 != 0 {
        return Err("the ES descriptor depends on others".into());
    }
    let mut decoder = Fields::new("the decoder's descriptor", descriptor(&mut stream, 0x04)?);
    let object_type = decoder.u8()?;
    decoder.take(12)?; // stream type, buffer, rates
    let specific = descriptor(&mut decoder, 0x05)?;
    // AudioSpecificConfig (14496-3 §1.6.2.1) begins with five bits of audio object type.
    let audio_object_type = specific.first().ok_or("the AudioSpecificConfig is empty")? >> 3;
    Ok(format!("mp4a.{object_type:x}.{audio_object_type}"))
}

/// The content of the next descriptor, which must have this tag.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Result<&'a [u8], String> {
    let found = fields.u8()?;
    if found != tag {
        return Err(format!(
            "descriptor {found:#04x} stands where {tag:#04x} must"
        ));
    }
    let mut len = 0;
    loop {
        let byte = fields.u8()?;
        len = len << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return fields.take(len);
        }
    }
}
