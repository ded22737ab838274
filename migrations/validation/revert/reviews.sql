-- Revert validation:reviews from pg
BEGIN;
SELECT month_end('review', 'review_vote');
DROP TABLE review_vote, review;
COMMIT;
