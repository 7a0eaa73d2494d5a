//! The names of the suite, for whoever runs it.

/// Calls a macro with every test of the database.
macro_rules! database_suite {
    ($run:ident) => {
        $run! {
            database:
                new_item_is_put_once
                refused_condition_shows_the_item_that_is_there
                one_of_many_racing_writers_wins
                counter_counts_every_one_of_many_writers
                transaction_writes_everything_or_nothing
                refused_transaction_says_which_conditions_failed
                transaction_that_comes_twice_is_applied_once
                token_of_another_transaction_is_refused
                item_twice_in_a_transaction_is_refused
                query_sorts_and_goes_on_where_its_page_ended
                query_finds_what_begins_alike
                index_holds_what_has_its_keys_and_only_what_it_projects
                index_goes_on_where_its_page_ended
                expired_item_may_be_there_still
                number_keeps_its_digits
                item_that_is_too_large_is_refused;
        }
    };
}

/// Calls a macro with every test of the store.
macro_rules! store_suite {
    ($run:ident) => {
        $run! {
            commits:
                creation_is_written_once
                change_is_written_with_its_history
                second_of_two_writers_conflicts
                one_of_many_racing_transitions_wins
                commit_of_several_things_is_written_whole_or_not_at_all
                attribute_of_a_newer_version_stays
                mark_goes_on_from_what_was_read
                page_is_claimed_once_and_only_while_somebody_is_paged
                due_rows_are_found_until_they_are_done
                list_shows_the_newest_first_and_goes_on;
            verbs:
                key_is_touched_only_by_what_repeats_it
                key_is_written_on_what_was_decided
                ping_counts_while_the_job_is_healthy
                expiry_moves_only_from_where_it_was
                group_moves_on_within_its_episode
                members_of_a_group_leave_one_by_one
                window_is_full_after_its_last_place
                filtered_events_are_counted_by_the_day
                sample_is_the_newest_event
                limit_lets_through_as_many_as_it_says
                incident_numbers_are_each_given_once
                session_is_found_until_it_is_ended
                topic_that_is_pinned_first_stays
                client_key_finds_what_it_made;
        }
    };
}

pub(crate) use {database_suite, store_suite};
