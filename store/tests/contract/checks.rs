//! All checks, in the order of the table.

use futures::future::LocalBoxFuture;

use crate::server::{Server, Verdict};
use crate::{conditions, listing, multipart, objects, presigned, product, reading};

pub(crate) struct Check {
    name: String,
    begin: fn(&Server) -> LocalBoxFuture<'_, Verdict>,
    is_needed: bool,
}

impl Check {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether AssetLab relies on it; the rest is S3's, and one day's pitfall.
    pub(crate) fn is_needed(&self) -> bool {
        self.is_needed
    }

    pub(crate) fn begin<'a>(&self, server: &'a Server) -> LocalBoxFuture<'a, Verdict> {
        (self.begin)(server)
    }
}

macro_rules! checks {
    ($(needed: $needed:literal, [$($module:ident::$check:ident,)*])*) => {
        vec![$($(Check {
            name: stringify!($check).replace('_', " "),
            begin: |server| Box::pin($module::$check(server)),
            is_needed: $needed,
        },)*)*]
    };
}

pub(crate) fn all() -> Vec<Check> {
    checks! {
        needed: true, [
        conditions::of_twelve_that_create_one_wins,
        conditions::of_twelve_that_swap_one_wins,
        conditions::of_twelve_slow_bodies_that_create_one_wins,
        conditions::of_twelve_slow_bodies_that_swap_one_wins,
        conditions::a_slow_body_loses_to_a_quick_one,
        objects::headers_and_metadata_come_back,
        objects::an_empty_object_is_an_object,
        objects::an_object_comes_whole_while_it_is_replaced,
        objects::what_is_not_there_is_not_found,
        objects::what_is_not_there_can_be_deleted,
        reading::ranges,
        reading::a_range_past_the_end_is_refused,
        presigned::a_link_reads_a_range,
        presigned::a_link_chooses_the_headers_of_its_answer,
        presigned::a_link_of_a_part_takes_the_signed_length_alone,
        multipart::parts_with_gaps_become_one_object,
        multipart::a_part_sent_again_replaces_the_first,
        multipart::uploads_are_listed_by_prefix_with_their_age,
        multipart::all_uploads_are_listed,
        listing::keys_come_in_the_order_of_their_bytes,
        listing::a_page_starts_after_a_key,
        listing::a_list_may_be_empty,
        listing::more_than_a_thousand_keys_take_more_than_a_page,
        product::the_store_passes_the_test_of_its_start,
        product::a_video_goes_from_upload_to_done,
        product::a_file_goes_straight_to_the_server,
        product::of_twelve_workers_one_claims,
        product::what_fell_out_of_the_queue_is_queued,
        product::what_nothing_names_is_swept,
        product::a_deleted_video_is_gone,
        ]
        needed: false, [
        conditions::a_swap_without_an_object,
        conditions::of_twelve_completions_one_wins,
        conditions::a_completion_creates_only_what_is_absent,
        conditions::a_completion_swaps_only_what_it_means,
        conditions::a_deletion_takes_only_what_it_means,
        objects::an_etag_is_the_md5_of_the_bytes,
        objects::keys_are_names_and_never_paths,
        objects::a_key_of_more_than_1024_bytes_is_refused,
        objects::a_wrong_md5_is_refused,
        objects::a_wrong_checksum_is_refused,
        objects::good_checksums_of_every_kind_are_accepted,
        objects::a_copy_outlives_its_source,
        objects::a_copy_onto_itself_keeps_the_bytes,
        objects::many_keys_are_deleted_at_once,
        reading::a_suffix_longer_than_the_object,
        reading::a_range_of_nothing_is_refused,
        reading::reads_of_what_is_known_are_answered_304,
        reading::reads_of_a_version_that_is_gone_are_refused,
        reading::reads_by_date,
        presigned::a_link_takes_a_part,
        multipart::a_part_of_less_than_5_mib_is_refused,
        multipart::a_wrong_etag_of_a_part_is_refused,
        multipart::a_missing_part_is_refused,
        multipart::parts_in_disorder_are_refused,
        multipart::a_part_named_twice_is_refused,
        multipart::a_completion_that_names_another_size_is_refused,
        multipart::a_completion_sent_twice_is_answered_twice,
        multipart::an_aborted_upload_takes_nothing_more,
        multipart::uploads_are_listed_in_order,
        multipart::parts_are_listed_in_pages,
        multipart::part_numbers_go_from_1_to_10000,
        listing::a_page_goes_on_from_a_token,
        listing::a_delimiter_folds_folders,
        listing::a_list_of_no_keys,
        listing::a_token_of_somebody_else_is_refused,
        listing::keys_can_be_encoded_for_xml,
        ]
    }
}
