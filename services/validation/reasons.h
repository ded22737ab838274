/* The reasons of a refusal, all of them at once, each for people in two languages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/err.h"

/* A refusal must fit one event (256 KiB); what is beyond is counted in a last row. */
#define REASONS_MAX 250

struct reason {
    Trien__Error code;
    const char *pointer; /* JSON pointer into request.json (RFC 6901), or "" for the document */
    const char *text_vi;
    const char *text_en;
};

struct reasons {
    struct arena *arena;
    struct reason *rows; /* in the arena; count of them */
    size_t count;
    size_t left_out; /* reasons beyond REASONS_MAX */
};

/** An empty list whose texts will live in the arena. */
void reasons_init(struct reasons *reasons, struct arena *arena);

/** Adds a reason. Texts and pointer are borrowed: literals or arena. */
void reasons_add(struct reasons *reasons, Trien__Error code, const char *pointer,
                 const char *text_vi, const char *text_en);

/** Adds a reason with the registry's own sentences (proto/error.proto). */
void reasons_add_plain(struct reasons *reasons, Trien__Error code, const char *pointer);

/** Adds the row that tells how many were left out, when any were. Call once, last. */
void reasons_close(struct reasons *reasons);

/** A reason with this code is in the list. */
bool reasons_have(const struct reasons *reasons, Trien__Error code);
