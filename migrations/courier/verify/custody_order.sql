-- Verify courier:custody_order on pg
BEGIN;
SELECT 1 / count(*) FROM pg_proc WHERE oid = 'device_takes_step()'::regprocedure
                                   AND prosrc LIKE '%OLD.changed_at + interval%';
ROLLBACK;
