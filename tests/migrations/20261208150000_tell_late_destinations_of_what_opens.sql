UPDATE cause_threads SET is_quiet = true;
