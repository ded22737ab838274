/* The screen again and again. On a terminal it is drawn over the last one, line by line, so that
 * nothing flickers; keys are read one by one and the terminal is put back as it was, whatever ends
 * it. Signals are read, not handled. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "services/trienctl/status.h"

#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

struct watch {
    bool is_screen, has_keys;
    struct termios before;
    int signals;
};

static void begin(struct watch *watch)
{
    struct termios raw;
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sigprocmask(SIG_BLOCK, &ours, NULL);
    watch->signals = signalfd(-1, &ours, SFD_CLOEXEC);
    watch->is_screen = isatty(STDOUT_FILENO) && !ctl_json();
    watch->has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &watch->before) == 0;
    if (!watch->has_keys)
        return;
    raw = watch->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void end(const struct watch *watch)
{
    if (watch->has_keys)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &watch->before);
    close(watch->signals);
}

/* Draws over what stands there. */
static void draw(const char *text)
{
    fputs(HOME, stdout);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");

        fwrite(line, 1, length, stdout);
        fputs(CLEAR_LINE "\n", stdout);
        line += length + (line[length] == '\n');
    }
    fputs("\nq: thoát" CLEAR_LINE CLEAR_BELOW, stdout);
}

static void show_screen(const struct watch *watch, const struct installation_status *status)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return;
    status_print(out, status);
    fclose(out);
    if (watch->is_screen)
        draw(text);
    else
        printf("%s\n", text);
    free(text);
}

static void show(const struct watch *watch, const struct installation_status *status)
{
    if (ctl_json()) {
        autoptr(json_t) document = status_json(status);

        json_dumpf(document, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        show_screen(watch, status);
    }
}

/* Waits for the next time; false when somebody wants it to end. */
static bool wait_for_next(const struct watch *watch, usec until)
{
    for (usec now; (now = clock_monotonic()) < until;) {
        struct pollfd fds[] = {{watch->signals, POLLIN, 0},
                               {watch->has_keys ? STDIN_FILENO : -1, POLLIN, 0}};
        char key = 0;

        if (poll(fds, 2, (int)((until - now) / USEC_PER_MS) + 1) <= 0)
            continue;
        if (fds[0].revents)
            return false;
        if (fds[1].revents && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q'))
            return false;
    }
    return true;
}

int status_watch(const char *const *names, long seconds)
{
    struct installation_status status;
    struct watch watch;
    usec due = clock_monotonic();

    begin(&watch);
    if (watch.is_screen)
        fputs(HOME CLEAR_BELOW, stdout);
    do {
        arena_reset(ctl_arena());
        status_gather(names, &status);
        show(&watch, &status);
        due += seconds * USEC_PER_SECOND;
    } while (fflush(stdout) == 0 && wait_for_next(&watch, due));
    if (watch.is_screen)
        putchar('\n');
    end(&watch);
    return status.not_well == 0 ? 0 : 69;
}
