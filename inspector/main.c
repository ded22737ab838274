/* trien-inspect: the program in which strangers' PDFs are parsed, one child per document
 * (common/sandbox.h). It has libqpdf and nothing else: no network, database, bus, cryptography or
 * configuration. It is started by validation and signing through common/document.c. */
#include <stdlib.h>

#include "common/pdf_child.h"
#include "common/sandbox_zygote.h"
#include "inspector/heap.h"
#include "inspector/text.h"

/* qsort() asks the kernel once how much memory there is; a child could not ask any more. */
static int compare(const void *a, const void *b)
{
    return *(const unsigned char *)a - *(const unsigned char *)b;
}

static bool warm_up(void)
{
    unsigned char many[4096] = {1};

    qsort(many, sizeof(many), 1, compare);
    text_settle();
    if (many[sizeof(many) - 1] != 1 || !pdf_child_warm_up())
        return false;
#ifndef TRIEN_ASAN
    heap_settle();
#endif
    return true;
}

int main(int argc, char **argv)
{
    static const struct sandbox_work work = {.name = "trien-inspect",
#ifndef TRIEN_ASAN
                                             .give_memory = heap_give,
                                             .touch_memory = heap_touch,
#endif
                                             .warm_up = warm_up,
                                             .job = pdf_child_job};

    sandbox_serve(&work, argc, argv);
}
