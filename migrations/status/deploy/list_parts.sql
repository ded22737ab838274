-- Deploy status:list_parts to pg
-- requires: lists
--
-- A list's bytes in parts, as they came: a list may be of any length. Parts of a list that is not whole
-- yet lie beside those of the one that is given out.
BEGIN;

CREATE TABLE revocation_list_part (
    issuer text NOT NULL,
    number bigint NOT NULL,
    begins bigint NOT NULL CHECK (begins >= 0),
    der    bytea NOT NULL CHECK (octet_length(der) > 0),
    PRIMARY KEY (issuer, number, begins)
);
ALTER TABLE revocation_list_part ALTER der SET STORAGE EXTERNAL;

INSERT INTO revocation_list_part (issuer, number, begins, der)
SELECT issuer, number, 0, crl_der FROM revocation_list;
ALTER TABLE revocation_list ADD size_bytes bigint CHECK (size_bytes > 0);
UPDATE revocation_list SET size_bytes = octet_length(crl_der);
ALTER TABLE revocation_list ALTER size_bytes SET NOT NULL, DROP crl_der;

GRANT SELECT, INSERT, DELETE ON revocation_list_part TO trien_status;

COMMIT;
