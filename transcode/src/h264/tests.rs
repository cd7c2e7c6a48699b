//! Against what x264 wrote, and what nobody should.

use super::*;

fn hex(digits: &str) -> Vec<u8> {
    let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

/// Written by x264.
const HIGH: &str = "6764000aacd94426c05a808080a0000003002000000641e244b2c0";
const MAIN_FULL_RANGE: &str = "674d400aeca213602d9000000300100000030320f1225960";
const BASELINE: &str = "6742c00ad90426c044000003000400000300c83c489920";
const INTERLACED_WIDE: &str = "67640015acd9444d880800000300080000030190f8a14cb0";
const TEN_BIT: &str = "676e000aa6cd94426c0440000003004000000c83c4896580";
const FULL_CHROMA: &str = "67f4000a919b2884d808800000030080000019078912cb";

#[test]
fn a_parameter_set_is_read_to_its_colours() {
    let high = Sps {
        profile_idc: profile::HIGH,
        level_idc: 10,
        chroma_format_idc: 1,
        is_eight_bit: true,
        is_progressive: true,
        is_square: true,
        colour: Some([1, 1, 1]),
        ..Sps::default()
    };
    assert_eq!(Sps::parse(&hex(HIGH)), Some(high));
    let read = |digits| Sps::parse(&hex(digits)).unwrap();
    let main = read(MAIN_FULL_RANGE);
    assert!(main.profile_idc == profile::MAIN && main.is_full_range);
    let baseline = read(BASELINE);
    assert!(baseline.profile_idc == profile::BASELINE && baseline.is_constrained);
    let wide = read(INTERLACED_WIDE);
    assert!(!wide.is_progressive && !wide.is_square);
    assert!(!read(TEN_BIT).is_eight_bit);
    assert_eq!(read(FULL_CHROMA).chroma_format_idc, 3);
}

#[test]
fn one_cut_short_is_none() {
    let whole = hex(HIGH);
    for len in 0..14 {
        assert_eq!(Sps::parse(&whole[..len]), None, "{len}");
    }
    assert_eq!(Sps::parse(&[0x67; 40]).and_then(|sps| sps.colour), None);
    assert_eq!(Sps::parse(&[0; 400]), None);
}

#[test]
fn scaling_lists_are_passed_over() {
    // High, level 1; the fourth list is there and ends at once, the others are not.
    let bits = "01100111 01100100 00000000 00001010 \
        1 010 1 1 0 1  0 0 0 1 000010001 0 0 0 0  1 1 1 010 0 1 1 1 1 0 0 10000000";
    let bits: Vec<u8> = bits
        .bytes()
        .filter(|b| *b != b' ')
        .map(|b| b - b'0')
        .collect();
    let byte = |bits: &[u8]| bits.iter().fold(0, |byte, bit| byte << 1 | bit);
    let unit: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
    let sps = Sps::parse(&unit).unwrap();
    assert!(sps.is_progressive && sps.chroma_format_idc == 1 && sps.is_eight_bit);
}

#[test]
fn units_that_do_not_add_up_are_told() {
    let lens = |bytes: &[u8]| -> Vec<Option<usize>> {
        nal_units(bytes).map(|unit| unit.map(<[u8]>::len)).collect()
    };
    assert_eq!(
        lens(&[0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x41]),
        [Some(2), Some(1)]
    );
    assert_eq!(lens(&[0, 0, 0, 1, 0x41, 0, 0]), [Some(1), None]);
    assert_eq!(lens(&[0, 0, 0, 9, 0x41]), [None]);
    assert_eq!(lens(&[0, 0, 0, 1, 0xc1]), [None]);
    assert_eq!(lens(&[0, 0, 0, 0]), [None]);
    assert_eq!(lens(&[]), []);
}

#[test]
fn only_one_parameter_set_of_each_kind_is_taken() {
    let avcc = |profile: u8, sps_count: u8, lengths: u8, more: &[u8]| {
        let mut bytes = vec![1, profile, 0, 10, 0xfc | lengths, 0xe0 | sps_count];
        bytes.extend([0, 5, 0x67, 0x64, 0, 10, 1, 1, 0, 1, 0x68]);
        bytes.extend(more);
        bytes
    };
    let sets = ParameterSets {
        sps: vec![0x67, 0x64, 0, 10, 1],
        pps: vec![0x68],
    };
    let whole = avcc(0x64, 1, 3, &[]);
    assert_eq!(ParameterSets::parse(&whole), Some(sets.clone()));
    let high = avcc(0x64, 1, 3, &[0xfd, 0xf8, 0xf8, 0]);
    assert_eq!(ParameterSets::parse(&high), Some(sets));
    for wrong in [
        avcc(0x64, 2, 3, &[]),
        avcc(0x64, 1, 1, &[]),
        avcc(0x42, 1, 3, &[]),
        avcc(0x64, 1, 3, &[0xfd, 0xf8, 0xf8, 1, 0, 1, 0x6d]),
        whole[..9].to_vec(),
    ] {
        assert_eq!(ParameterSets::parse(&wrong), None, "{wrong:x?}");
    }
}
