/* Starting programs: scripts of compose/ and the services themselves. It uses no shell. */
#include "services/trienctl/trienctl.h"

#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *ctl_bin_dir(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length <= 0)
        return ".";
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    return arena_strdup(ctl_arena(), path);
}

/* The nearest folder above this program that holds the script, or NULL. */
static const char *share_dir(const char *script)
{
    const char *named = getenv("TRIEN_SHARE");
    char *dir = (char *)ctl_bin_dir();
    if (named)
        return named;
    for (char *slash; (slash = strrchr(dir, '/')); *slash = '\0')
        if (access(arena_printf(ctl_arena(), "%s/%s", dir, script), X_OK) == 0)
            return dir;
    return "/usr/share/trien";
}

int ctl_run_script(char *const argv[])
{
    const char *path = arena_printf(ctl_arena(), "%s/%s", share_dir(argv[0]), argv[0]);
    pid_t pid;
    int status;
    setenv("TRIENCTL", arena_printf(ctl_arena(), "%s/trienctl", ctl_bin_dir()), 1);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (ctl_json()) /* stdout is for our document alone */
        posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int failed = posix_spawn(&pid, path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        fprintf(stderr, "trienctl: %s: %s\n", path, strerror(failed));
        return 127;
    }
    if (waitpid(pid, &status, 0) != pid)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
