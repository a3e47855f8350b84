//! The macros that turn cases into tests of an adapter.

/// Makes one `#[test]` per case of the suite. The argument is an expression that makes a fresh
/// [`Fixture`](crate::Fixture), evaluated once per test. With `when CONDITION,` before it the tests do nothing while that is
/// false.
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:expr) => {
        $crate::conformance_tests!(when true, $fixture);
    };
    (when $condition:expr, $fixture:expr) => {
        $crate::conformance_tests! { @cases $condition, $fixture;
            collections::are_read_as_created => collections_are_read_as_created,
            collections::are_listed_sorted => collections_are_listed_sorted,
            collections::are_created_once => collections_are_created_once,
            collections::have_safe_names => collections_have_safe_names,
            collections::refuse_unknown_storage_options => collections_refuse_unknown_storage_options,
            collections::are_explained_before_they_are_made => collections_are_explained_before_they_are_made,
            collections::that_are_missing_are_not_found => collections_that_are_missing_are_not_found,
            collections::are_deleted_with_their_arrays => collections_are_deleted_with_their_arrays,
            collections::are_cleared => collections_are_cleared,
            arrays::are_found_by_key_and_by_id => arrays_are_found_by_key_and_by_id,
            arrays::belong_to_their_collection => arrays_belong_to_their_collection,
            arrays::without_a_key_have_an_id => arrays_without_a_key_have_an_id,
            arrays::are_created_once => arrays_are_created_once,
            arrays::are_not_overwritten_by_creation => arrays_are_not_overwritten_by_creation,
            arrays::are_deleted => arrays_are_deleted,
            arrays::are_listed_once_while_others_come_and_go => arrays_are_listed_once_while_others_come_and_go,
            cells::of_every_type_come_back => cells_of_every_type_come_back,
            cells::never_written_read_as_fill => cells_never_written_read_as_fill,
            cells::agree_with_a_naive_array => cells_agree_with_a_naive_array,
            cells::of_32_dimensions_are_possible => cells_of_32_dimensions_are_possible,
            cells::of_a_large_array_come_back => cells_of_a_large_array_come_back,
            cells::that_do_not_fit_change_nothing => cells_that_do_not_fit_change_nothing,
            buffered::writes_are_seen_by_their_handle_and_flushed => buffered_writes_are_seen_by_their_handle_and_flushed,
            buffered::writes_are_forgotten_when_they_are_discarded => buffered_writes_are_forgotten_when_they_are_discarded,
            buffered::writes_of_a_dropped_handle_are_flushed => buffered_writes_of_a_dropped_handle_are_flushed,
            attributes::of_every_type_come_back => attributes_of_every_type_come_back,
            attributes::are_set_changed_and_removed => attributes_are_set_changed_and_removed,
            attributes::are_not_lost_among_writers => attributes_are_not_lost_among_writers,
            keys::of_hostile_text_are_kept_apart => keys_of_hostile_text_are_kept_apart,
            keys::of_every_type_are_kept_apart => keys_of_every_type_are_kept_apart,
            keys::of_several_parts_are_kept_apart => keys_of_several_parts_are_kept_apart,
            keys::are_normalized_by_the_schema => keys_are_normalized_by_the_schema,
            tiles::belong_to_the_schema => tiles_belong_to_the_schema,
            tiles::are_made_when_they_are_written => tiles_are_made_when_they_are_written,
            tiles::of_any_shape_hold_their_cells => tiles_of_any_shape_hold_their_cells,
            tiles::are_written_beside_each_other => tiles_are_written_beside_each_other,
            tiles::change_together => tiles_change_together,
            tiles::go_with_their_array => tiles_go_with_their_array,
            tiles::leave_attributes_alone => tiles_leave_attributes_alone,
            store::has_one_identity => store_has_one_identity,
            store::that_is_sound_has_no_findings => store_that_is_sound_has_no_findings,
            store::has_locks_that_reach_every_opening => store_has_locks_that_reach_every_opening,
            store::holds_no_lock_when_idle => store_holds_no_lock_when_idle,
            concurrency::overlapping_writes_are_atomic => concurrency_overlapping_writes_are_atomic,
            concurrency::synced_writes_are_atomic => concurrency_synced_writes_are_atomic,
            concurrency::writes_that_time_out_change_nothing => concurrency_writes_that_time_out_change_nothing,
            concurrency::deleted_arrays_are_whole_or_gone => concurrency_deleted_arrays_are_whole_or_gone,
            concurrency::neighbours_do_not_disturb_each_other => concurrency_neighbours_do_not_disturb_each_other,
            concurrency::deleted_collections_stay_deleted => concurrency_deleted_collections_stay_deleted,
        }
    };
    (@cases $condition:expr, $fixture:expr; $($group:ident :: $case:ident => $name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                if $condition {
                    $crate::run($fixture, $crate::cases::$group::$case);
                }
            }
        )*
    };
}

/// Makes the tests of an adapter whose stores outlive the process: several processes at once, and processes that are
/// killed.
///
/// The first argument is an `async fn(PathBuf) -> Arc<dyn StorageAdapter>` that opens the store in that folder and makes
/// it when there is none; the second, if there is one, a `fn(&[u64]) -> Vec<StorageOptions>` as
/// [`Fixture::layouts`](crate::Fixture::layouts).
#[macro_export]
macro_rules! campaign_tests {
    ($open:expr) => {
        $crate::campaign_tests!($open, |_: &[u64]| vec![::std::default::Default::default()]);
    };
    ($open:expr, $layouts:expr) => {
        const CAMPAIGN: $crate::campaign::Persistent = $crate::campaign::Persistent {
            open: |path| ::std::boxed::Box::pin($open(path)),
            layouts: $layouts,
            worker: concat!(module_path!(), "::campaign_worker"),
        };

        #[test]
        fn campaign_worker() {
            $crate::campaign::worker_main(CAMPAIGN);
        }

        #[test]
        fn campaign_processes_write_beside_each_other() {
            $crate::campaign::processes_write_beside_each_other(CAMPAIGN);
        }

        #[test]
        fn campaign_processes_create_each_array_once() {
            $crate::campaign::processes_create_each_array_once(CAMPAIGN);
        }

        #[test]
        fn campaign_killed_writers_leave_whole_changes() {
            $crate::campaign::killed_writers_leave_whole_changes(CAMPAIGN);
        }
    };
}
