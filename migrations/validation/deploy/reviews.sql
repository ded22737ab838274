-- Deploy validation:reviews to pg
-- requires: requests
--
-- Requests that officers approve before they are accepted, and what each officer said. A review that is open has its
-- request in `waiting`, with the crl_version that no list reaches.
BEGIN;

CREATE TABLE review (
    request_id      uuid PRIMARY KEY,
    form            text NOT NULL,
    organ_id        text NOT NULL,
    agency_name     text NOT NULL,
    document_number text NOT NULL,
    document_date   text NOT NULL,
    item_count      integer NOT NULL,
    asked_at        timestamptz NOT NULL
) PARTITION BY RANGE (request_id);

CREATE TABLE review_vote (
    request_id uuid NOT NULL,
    officer    text NOT NULL CHECK (officer ~ '^officer[1-9][0-9]{0,2}$'),
    approves   boolean NOT NULL,
    note       text NOT NULL CHECK (length(note) <= 500 AND (approves OR note <> '')),
    voted_at   timestamptz NOT NULL,
    PRIMARY KEY (request_id, officer)
) PARTITION BY RANGE (request_id);

CREATE TABLE review_rest PARTITION OF review DEFAULT;
CREATE TABLE review_vote_rest PARTITION OF review_vote DEFAULT;
SELECT month_begin('', 'review');
SELECT month_begin('', 'review_vote');

GRANT SELECT, INSERT ON review, review_vote TO trien_validation;

COMMIT;
