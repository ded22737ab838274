/* Lines of the signer's journal, and files of them, as they are read back after a crash. What is
 * read as a record must be exactly what writing it again gives. */
// links: services/signer
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "services/signer/segment.h"

static void check_line(const uint8_t *input, size_t size)
{
    char line[RECORD_MAX_BYTES + 1];
    struct record record;

    if (size >= sizeof(line))
        return;
    memcpy(line, input, size);
    line[size] = '\0';
    if (record_read(line, size, NULL, &record))
        for (size_t i = 0; i < record.field_count; i++)
            if (strlen(record.fields[i]) == 0 || strchr(record.fields[i], ' '))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static struct segment_reader reader;
    struct record record;
    int fd = memfd_create("segment", MFD_CLOEXEC);

    check_line(input, size);
    if (fd < 0 || write(fd, input, size) != (ssize_t)size)
        abort();
    segment_reader_begin(&reader, fd, 0, RECORD_FIRST_HASH, 0);
    while (segment_next(&reader, &record) == SEGMENT_RECORD)
        if (record.sequence != reader.sequence || reader.offset > size)
            abort();
    close(fd);
    return 0;
}
