"""Names for runs that were given none: `adjective-animal`."""

from __future__ import annotations

import random

__all__ = ["new_name"]

_ADJECTIVES = """
able amber ample apt azure bold brave breezy bright brisk calm candid careful cheerful civil clear clever coral
cosmic cozy crafty crimson curious daring dapper deft eager early earnest easy elated fair fancy fearless fine
fleet fluent fond frank free fresh friendly gallant gentle giddy gifted glad golden good graceful grand great
green handy happy hardy honest humble indigo jade jolly jovial joyful keen kind lively loyal lucid lucky lunar
magic mellow merry mighty mild mint modest neat nimble noble olive opal patient peaceful plucky polite precise
prime proud quick quiet radiant rapid ready robust rosy royal sage savvy serene sharp shiny silent silver
sincere sleek smart smooth snappy solar solid spry stable steady stellar stoic sturdy subtle sunny super sure
swift tactful tender tidy topaz tranquil true trusty upbeat valiant velvet violet vivid warm watchful witty
wise zany zesty
""".split()
_ANIMALS = """
adder albatross alpaca ant antelope auk axolotl badger barracuda bat bear beaver bee beetle bison boar bobcat
buffalo bumblebee bustard butterfly camel capybara caribou cat cheetah chinchilla cicada civet clam cobra
condor coot cormorant cougar coyote crab crane cricket crow cuckoo curlew deer dingo dodo dolphin dove
dragonfly duck eagle echidna eel egret eland elk emu ermine falcon ferret finch firefly flamingo fox frog
gannet gazelle gecko gibbon giraffe gnu goat goose gorilla grebe grouse guan gull hamster hare harrier hawk
hedgehog heron hippo hoopoe hornet horse hyena ibex ibis iguana impala jackal jackdaw jaguar jay kangaroo
kestrel kite kiwi koala kudu lapwing lark lemming lemur leopard lion lizard llama lobster lynx magpie manatee
marmot marten meerkat mink mole mongoose moose moth mule muskox narwhal newt nightjar numbat ocelot octopus
okapi opossum oriole oryx osprey ostrich otter owl ox oyster panda panther parrot partridge peacock pelican
penguin petrel pheasant pigeon pika plover pony porcupine porpoise possum puffin puma python quail quetzal
quokka rabbit raccoon ram raven reindeer rhino roadrunner robin rook sable salmon seal serval shark sheep
shrike skink skunk sloth snail snipe sparrow spoonbill squid squirrel starling stork sturgeon swallow swan
swift tapir tarsier teal tern thrush tiger toad toucan trout tuna turtle viper vole vulture wallaby walrus
warbler wasp weasel whale wigeon wolf wolverine wombat woodpecker wren yak zebra
""".split()


def new_name() -> str:
    """A name such as `mellow-otter`; names need not be unique."""
    return f"{random.choice(_ADJECTIVES)}-{random.choice(_ANIMALS)}"  # noqa: S311 # not a secret
