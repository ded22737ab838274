-- Deploy validation:calendar_2027 to pg
-- requires: calendar, registry
--
-- services/validation/data/working-calendar.csv as it was when this was written; tests/unit/validation
-- compares the two. Later calendars come by `trienctl calendar import`.
BEGIN;

INSERT INTO calendar (version, last_year, loaded_at) VALUES ('250203a9c21d602a', 2027, now());
INSERT INTO calendar_day (version, day, kind, status, name_vi, source) VALUES
    ('250203a9c21d602a', '2024-01-01', 'holiday', 'confirmed', 'Tết Dương lịch', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2024-02-08', 'holiday', 'confirmed', 'Tết Nguyên đán', '8662/VPCP-KGVX'),
    ('250203a9c21d602a', '2024-02-09', 'holiday', 'confirmed', 'Tết Nguyên đán', '8662/VPCP-KGVX'),
    ('250203a9c21d602a', '2024-02-12', 'holiday', 'confirmed', 'Tết Nguyên đán', '8662/VPCP-KGVX'),
    ('250203a9c21d602a', '2024-02-13', 'holiday', 'confirmed', 'Tết Nguyên đán', '8662/VPCP-KGVX'),
    ('250203a9c21d602a', '2024-02-14', 'holiday', 'confirmed', 'Tết Nguyên đán', '8662/VPCP-KGVX'),
    ('250203a9c21d602a', '2024-04-18', 'holiday', 'confirmed', 'Giỗ Tổ Hùng Vương', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2024-04-29', 'day_off_swap', 'confirmed', 'Hoán đổi ngày làm việc', '2450/VPCP-KGVX'),
    ('250203a9c21d602a', '2024-04-30', 'holiday', 'confirmed', 'Ngày Chiến thắng', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2024-05-01', 'holiday', 'confirmed', 'Quốc tế lao động', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2024-05-04', 'working_saturday', 'confirmed', 'Làm bù', '2450/VPCP-KGVX'),
    ('250203a9c21d602a', '2024-09-02', 'holiday', 'confirmed', 'Quốc khánh', '8662/VPCP-KGVX'),
    ('250203a9c21d602a', '2024-09-03', 'holiday', 'confirmed', 'Quốc khánh', '8662/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-01-01', 'holiday', 'confirmed', 'Tết Dương lịch', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2025-01-27', 'holiday', 'confirmed', 'Tết Nguyên đán', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-01-28', 'holiday', 'confirmed', 'Tết Nguyên đán', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-01-29', 'holiday', 'confirmed', 'Tết Nguyên đán', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-01-30', 'holiday', 'confirmed', 'Tết Nguyên đán', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-01-31', 'holiday', 'confirmed', 'Tết Nguyên đán', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-04-07', 'holiday', 'confirmed', 'Giỗ Tổ Hùng Vương', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2025-04-26', 'working_saturday', 'confirmed', 'Làm bù', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-04-30', 'holiday', 'confirmed', 'Ngày Chiến thắng', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2025-05-01', 'holiday', 'confirmed', 'Quốc tế lao động', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2025-05-02', 'day_off_swap', 'confirmed', 'Hoán đổi ngày làm việc', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-09-01', 'holiday', 'confirmed', 'Quốc khánh', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2025-09-02', 'holiday', 'confirmed', 'Quốc khánh', '8726/VPCP-KGVX'),
    ('250203a9c21d602a', '2026-01-01', 'holiday', 'confirmed', 'Tết Dương lịch', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2026-01-02', 'day_off_swap', 'confirmed', 'Hoán đổi ngày làm việc', '12729/VPCP-KGVX'),
    ('250203a9c21d602a', '2026-01-10', 'working_saturday', 'confirmed', 'Làm bù', '12729/VPCP-KGVX'),
    ('250203a9c21d602a', '2026-02-16', 'holiday', 'confirmed', 'Tết Nguyên đán', 'thông báo nghỉ Tết 2026'),
    ('250203a9c21d602a', '2026-02-17', 'holiday', 'confirmed', 'Tết Nguyên đán', 'thông báo nghỉ Tết 2026'),
    ('250203a9c21d602a', '2026-02-18', 'holiday', 'confirmed', 'Tết Nguyên đán', 'thông báo nghỉ Tết 2026'),
    ('250203a9c21d602a', '2026-02-19', 'holiday', 'confirmed', 'Tết Nguyên đán', 'thông báo nghỉ Tết 2026'),
    ('250203a9c21d602a', '2026-02-20', 'holiday', 'confirmed', 'Tết Nguyên đán', 'thông báo nghỉ Tết 2026'),
    ('250203a9c21d602a', '2026-04-27', 'holiday', 'confirmed', 'Giỗ Tổ Hùng Vương (nghỉ bù)', 'Bộ luật Lao động Điều 111.3'),
    ('250203a9c21d602a', '2026-04-30', 'holiday', 'confirmed', 'Ngày Chiến thắng', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2026-05-01', 'holiday', 'confirmed', 'Quốc tế lao động', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2026-08-22', 'working_saturday', 'provisional', 'Làm bù', 'chưa có nguồn chính thức'),
    ('250203a9c21d602a', '2026-08-31', 'day_off_swap', 'provisional', 'Hoán đổi ngày làm việc', 'chưa có nguồn chính thức'),
    ('250203a9c21d602a', '2026-09-01', 'holiday', 'confirmed', 'Quốc khánh', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2026-09-02', 'holiday', 'confirmed', 'Quốc khánh', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2026-11-24', 'holiday', 'unconfirmed', 'Ngày Văn hóa Việt Nam (chưa rõ có nghỉ trong năm 2026)', 'NQ 80-NQ/TW; chưa có quy định chi tiết'),
    ('250203a9c21d602a', '2027-01-01', 'holiday', 'provisional', 'Tết Dương lịch', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2027-02-05', 'holiday', 'provisional', 'Tết Nguyên đán (dự kiến)', 'tính theo lịch, chờ thông báo'),
    ('250203a9c21d602a', '2027-02-08', 'holiday', 'provisional', 'Tết Nguyên đán (dự kiến)', 'tính theo lịch, chờ thông báo'),
    ('250203a9c21d602a', '2027-02-09', 'holiday', 'provisional', 'Tết Nguyên đán (dự kiến)', 'tính theo lịch, chờ thông báo'),
    ('250203a9c21d602a', '2027-02-10', 'holiday', 'provisional', 'Tết Nguyên đán (dự kiến)', 'tính theo lịch, chờ thông báo'),
    ('250203a9c21d602a', '2027-02-11', 'holiday', 'provisional', 'Tết Nguyên đán (dự kiến)', 'tính theo lịch, chờ thông báo'),
    ('250203a9c21d602a', '2027-04-16', 'holiday', 'provisional', 'Giỗ Tổ Hùng Vương', 'tính theo lịch'),
    ('250203a9c21d602a', '2027-04-30', 'holiday', 'provisional', 'Ngày Chiến thắng', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2027-05-03', 'holiday', 'provisional', 'Quốc tế lao động (nghỉ bù)', 'Bộ luật Lao động Điều 111.3'),
    ('250203a9c21d602a', '2027-09-02', 'holiday', 'provisional', 'Quốc khánh', 'Bộ luật Lao động Điều 112'),
    ('250203a9c21d602a', '2027-09-03', 'holiday', 'provisional', 'Quốc khánh (dự kiến)', 'chờ thông báo'),
    ('250203a9c21d602a', '2027-11-24', 'holiday', 'unconfirmed', 'Ngày Văn hóa Việt Nam', 'NQ 80-NQ/TW; chưa có quy định chi tiết');
UPDATE knowledge SET version = nextval('knowledge_version'), calendar_version = '250203a9c21d602a';

COMMIT;
