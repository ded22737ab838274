-- Revert frame:effect
BEGIN;
DROP TABLE effect_done, effect;
COMMIT;
