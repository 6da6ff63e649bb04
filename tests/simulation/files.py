"""The data files: an organiser edits them while processes go on with what they read at their start."""

from dataclasses import replace


class Files:
    """Clubs and competitions as the files have them now, and whose is each name that ever stood there."""

    def __init__(self, clubs, competitions):
        self.clubs = clubs
        self.competitions = competitions
        self._first_names = {owner.name: owner.name for owner in [*clubs, *competitions]}

    def first_name(self, name):
        return self._first_names[name]

    def cancelled(self):
        return {self.first_name(one.name) for one in self.competitions if one.is_cancelled}

    def with_first_names(self, entry):
        return entry._replace(club=self.first_name(entry.club), competition=self.first_name(entry.competition))

    def edit(self, random):
        """Rename a club or a competition, mend the spelling of its name, or cancel a competition or open it again."""
        edit = random.choice([self._rename, self._mend])
        if random.random() < 0.4:
            self.clubs = edited(self.clubs, random.randrange(len(self.clubs)), edit)
        else:
            edit = random.choice([edit, cancel_or_open])
            self.competitions = edited(self.competitions, random.randrange(len(self.competitions)), edit)

    def _rename(self, owner):
        first_name = self.first_name(owner.name)
        renamed = replace(
            owner,
            name=f"{first_name} {len(self._first_names)}",
            former_names=(*owner.former_names, owner.name),
        )
        self._first_names[renamed.name] = first_name
        return renamed

    def _mend(self, owner):
        mended = replace(owner, name=owner.name.swapcase())
        self._first_names[mended.name] = self.first_name(owner.name)
        return mended


def edited(owners, index, edit):
    """Return clubs or competitions, one of them edited: processes that have read the others keep them."""
    return [*owners[:index], edit(owners[index]), *owners[index + 1 :]]


def cancel_or_open(competition):
    """Return a competition that is cancelled if it was not, and the other way round."""
    return replace(competition, is_cancelled=not competition.is_cancelled)
