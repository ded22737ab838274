"""One psql that stays, so that looking at a database costs neither a process nor a log-in each time."""
import os
import subprocess


class Asker:
    def __init__(self, socket, user, database, **environment):
        self.psql = subprocess.Popen(["psql", "-qXAt", "-h", socket, "-U", user, "-d", database],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                     env=dict(os.environ, **environment))

    def ask(self, sql):
        """The one line of the answer."""
        self.psql.stdin.write(sql + ";\n")
        self.psql.stdin.flush()
        return self.psql.stdout.readline().strip()

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()
